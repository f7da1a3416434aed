// @generated automatically by Diesel CLI.

pub mod cards {
    diesel::table! {
        cards.aliases (alias, card_id) {
            alias -> Text,
            card_id -> Uuid,
            added_at -> Timestamptz,
            added_by -> Text,
        }
    }

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
            ordered_by -> Nullable<Text>,
            relation -> Nullable<Text>,
            earn_per_day -> Nullable<Int4>,
            earn_per_month -> Nullable<Int4>,
            redeem_per_day -> Nullable<Int8>,
            redeem_per_month -> Nullable<Int8>,
            replaces -> Nullable<Uuid>,
        }
    }

    diesel::table! {
        cards.designs (id) {
            id -> Uuid,
            organisation_id -> Uuid,
            base -> Text,
            accent -> Text,
            title -> Nullable<Text>,
            fields -> Text,
            logo -> Nullable<Bytea>,
            created_at -> Timestamptz,
            created_by -> Text,
            retired_at -> Nullable<Timestamptz>,
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
            name -> Text,
        }
    }

    diesel::table! {
        cards.history (id) {
            id -> Int8,
            card_id -> Uuid,
            at -> Timestamptz,
            event -> Text,
            by_whom -> Nullable<Text>,
            reason -> Nullable<Text>,
            note -> Nullable<Text>,
        }
    }

    diesel::table! {
        cards.orders (id) {
            id -> Uuid,
            organisation_id -> Uuid,
            kind -> Text,
            status -> Text,
            members -> Int8,
            issued -> Int8,
            skipped -> Int8,
            after_member -> Nullable<Uuid>,
            problem -> Nullable<Text>,
            placed_by -> Text,
            placed_at -> Timestamptz,
            ended_at -> Nullable<Timestamptz>,
        }
    }

    diesel::table! {
        cards.print_batches (id) {
            id -> Uuid,
            number -> Int8,
            organisation_id -> Uuid,
            origin -> Text,
            status -> Text,
            cards -> Int4,
            made_at -> Timestamptz,
            made_by -> Text,
            files_at -> Nullable<Timestamptz>,
            dpi -> Int2,
        }
    }

    diesel::table! {
        cards.print_events (id) {
            id -> Int8,
            batch_id -> Uuid,
            card_id -> Nullable<Uuid>,
            event -> Text,
            at -> Timestamptz,
            by_whom -> Text,
            note -> Nullable<Text>,
        }
    }

    diesel::table! {
        cards.print_items (batch_id, place) {
            batch_id -> Uuid,
            place -> Int4,
            card_id -> Uuid,
            organisation_id -> Uuid,
            design_id -> Nullable<Uuid>,
            state -> Text,
        }
    }

    diesel::table! {
        cards.programmes (pair) {
            pair -> Text,
            opened_at -> Timestamptz,
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
            by_proof -> Bool,
        }
    }

    diesel::table! {
        cards.revocations (id) {
            id -> Int8,
            card -> Bytea,
            revoked -> Bool,
            at -> Timestamptz,
        }
    }

    diesel::joinable!(aliases -> cards (card_id));
    diesel::joinable!(history -> cards (card_id));
    diesel::joinable!(print_events -> cards (card_id));
    diesel::joinable!(print_events -> print_batches (batch_id));
    diesel::joinable!(print_items -> cards (card_id));
    diesel::joinable!(print_items -> designs (design_id));
    diesel::joinable!(print_items -> print_batches (batch_id));
    diesel::joinable!(resolutions -> cards (card_id));
    diesel::joinable!(resolutions -> devices (device_id));

    diesel::allow_tables_to_appear_in_same_query!(
        aliases,
        cards,
        designs,
        devices,
        history,
        orders,
        print_batches,
        print_events,
        print_items,
        programmes,
        resolutions,
        revocations,
    );
}
