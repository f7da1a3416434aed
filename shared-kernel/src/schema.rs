// @generated automatically by Diesel CLI.

pub mod platform {
    diesel::table! {
        platform.outbox (id) {
            id -> Int8,
            kind -> Text,
            member_id -> Nullable<Uuid>,
            payload -> Jsonb,
            occurred_at -> Timestamptz,
        }
    }
}
