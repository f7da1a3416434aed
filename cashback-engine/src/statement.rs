//! Statements diesel's language can't say: written once as SQL with `?` for each bind, prepared and cached by
//! diesel like its own (unlike `sql_query`, which is planned at every call).

/// Declares a statement: a struct with one field per `?`, in order.
macro_rules! statement {
    ($(#[$meta:meta])* $name:ident { $($field:ident: $rust:ty => $sql_type:ty),* $(,)? } -> $row:ty, $sql:expr) => {
        statement!($(#[$meta])* $name { $($field: $rust => $sql_type),* }, $sql);

        impl ::diesel::query_builder::Query for $name {
            type SqlType = $row;
        }
    };
    ($(#[$meta:meta])* $name:ident { $($field:ident: $rust:ty => $sql_type:ty),* $(,)? }, $sql:expr) => {
        $(#[$meta])*
        #[derive(Debug, Default)]
        pub(crate) struct $name {
            $(pub(crate) $field: $rust),*
        }

        impl ::diesel::query_builder::QueryId for $name {
            type QueryId = $name;
            const HAS_STATIC_QUERY_ID: bool = true;
        }

        impl ::diesel::query_builder::QueryFragment<::diesel::pg::Pg> for $name {
            fn walk_ast<'b>(
                &'b self,
                mut out: ::diesel::query_builder::AstPass<'_, 'b, ::diesel::pg::Pg>,
            ) -> ::diesel::QueryResult<()> {
                let mut pieces = $sql.split('?');
                $(
                    out.push_sql(pieces.next().unwrap_or_default());
                    out.push_bind_param::<$sql_type, $rust>(&self.$field)?;
                )*
                out.push_sql(pieces.next().unwrap_or_default());
                Ok(())
            }
        }

        impl ::diesel::RunQueryDsl<::diesel::pg::PgConnection> for $name {}
    };
}

pub(crate) use statement;
