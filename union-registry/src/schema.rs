// @generated automatically by Diesel CLI.

pub mod registry {
    diesel::table! {
        registry.consents (member_id, purpose, given_at) {
            member_id -> Uuid,
            purpose -> Text,
            text_version -> Text,
            given_at -> Timestamptz,
            channel -> Text,
            withdrawn_at -> Nullable<Timestamptz>,
            recorded_at -> Timestamptz,
        }
    }

    diesel::table! {
        registry.members (id) {
            id -> Uuid,
            membership_number -> Text,
            organisation_id -> Uuid,
            last_name -> Text,
            first_name -> Text,
            middle_name -> Text,
            search_name -> Text,
            sex -> Nullable<Text>,
            birth_date -> Nullable<Date>,
            phone_sealed -> Nullable<Bytea>,
            phone_hash -> Nullable<Int8>,
            email_sealed -> Nullable<Bytea>,
            email_hash -> Nullable<Int8>,
            category -> Text,
            position -> Text,
            joined_on -> Date,
            status -> Text,
            created_at -> Timestamptz,
            updated_at -> Timestamptz,
            merged_into -> Nullable<Uuid>,
        }
    }

    diesel::table! {
        registry.memberships (member_id, ordinal) {
            member_id -> Uuid,
            ordinal -> Int2,
            organisation_id -> Uuid,
            standing -> Text,
            from_on -> Date,
            until_on -> Nullable<Date>,
            reason -> Text,
            end_reason -> Nullable<Text>,
            recorded_at -> Timestamptz,
            begin_words -> Nullable<Text>,
        }
    }

    diesel::table! {
        registry.organisations (id) {
            id -> Uuid,
            code -> Text,
            name -> Text,
            search_name -> Text,
            kind -> Text,
            parent_id -> Nullable<Uuid>,
            path -> Array<Nullable<Text>>,
            inn -> Nullable<Text>,
            region_code -> Nullable<Text>,
            opened_on -> Nullable<Date>,
            closed_on -> Nullable<Date>,
            member_count -> Int4,
            created_at -> Timestamptz,
            updated_at -> Timestamptz,
        }
    }

    diesel::allow_tables_to_appear_in_same_query!(consents, members, memberships, organisations,);
}
