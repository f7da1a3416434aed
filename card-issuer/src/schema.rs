// @generated automatically by Diesel CLI.

pub mod cards {
    diesel::table! {
        cards.cards (id) {
            id -> Uuid,
            number -> Text,
            member_id -> Uuid,
            kind -> Text,
            status -> Text,
            ordered_at -> Timestamptz,
            issued_at -> Nullable<Timestamptz>,
            expires_on -> Date,
            blocked_at -> Nullable<Timestamptz>,
            block_reason -> Nullable<Text>,
            blocked_by -> Nullable<Text>,
            block_comment -> Nullable<Text>,
        }
    }

    diesel::table! {
        cards.devices (id) {
            id -> Uuid,
            card_id -> Uuid,
            kind -> Text,
            key_version -> Int2,
            last_used_step -> Nullable<Int8>,
            created_at -> Timestamptz,
            revoked_at -> Nullable<Timestamptz>,
        }
    }

    diesel::table! {
        cards.resolutions (id) {
            id -> Uuid,
            card_id -> Uuid,
            device_id -> Nullable<Uuid>,
            step -> Nullable<Int8>,
            asker -> Text,
            created_at -> Timestamptz,
            expires_at -> Timestamptz,
            used_at -> Nullable<Timestamptz>,
            used_by -> Nullable<Uuid>,
        }
    }

    diesel::joinable!(resolutions -> cards (card_id));
    diesel::joinable!(resolutions -> devices (device_id));

    diesel::allow_tables_to_appear_in_same_query!(cards, devices, resolutions,);
}
