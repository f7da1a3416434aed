// @generated automatically by Diesel CLI.

pub mod platform {
    diesel::table! {
        platform.api_clients (id) {
            id -> Uuid,
            client_id -> Text,
            secret_hash -> Bytea,
            partner_id -> Uuid,
            created_at -> Timestamptz,
            revoked_at -> Nullable<Timestamptz>,
        }
    }

    diesel::table! {
        platform.apple_registrations (device, card_id) {
            device -> Text,
            card_id -> Uuid,
            push_token -> Text,
            created_at -> Timestamptz,
            seen_at -> Timestamptz,
        }
    }

    diesel::table! {
        platform.audit_log (id) {
            id -> Int8,
            at -> Timestamptz,
            actor -> Text,
            action -> Text,
            subject -> Text,
            hash -> Bytea,
        }
    }

    diesel::table! {
        platform.deliveries (id) {
            id -> Int8,
            letter -> Text,
            member_id -> Nullable<Uuid>,
            payload -> Jsonb,
            merge_key -> Nullable<Text>,
            due_at -> Timestamptz,
            attempts -> Int4,
            failed_at -> Nullable<Timestamptz>,
            failure -> Nullable<Text>,
            created_at -> Timestamptz,
            staff_id -> Nullable<Uuid>,
        }
    }

    diesel::table! {
        platform.expiry_notices (member_id, expires_on, days_ahead) {
            member_id -> Uuid,
            expires_on -> Date,
            days_ahead -> Int2,
            told_at -> Timestamptz,
        }
    }

    diesel::table! {
        platform.guesses (subject, kind) {
            subject -> Bytea,
            kind -> Text,
            ends_at -> Timestamptz,
            times -> Int4,
        }
    }

    diesel::table! {
        platform.idempotency_keys (scope, key) {
            scope -> Text,
            key -> Text,
            started_at -> Timestamptz,
            request_hash -> Nullable<Bytea>,
            status -> Nullable<Int2>,
            content_type -> Nullable<Text>,
            body -> Nullable<Bytea>,
            location -> Nullable<Text>,
        }
    }

    diesel::table! {
        platform.imports (id) {
            id -> Uuid,
            kind -> Text,
            file_name -> Text,
            file_hash -> Bytea,
            path -> Text,
            notify -> Bool,
            within -> Nullable<Text>,
            status -> Text,
            report -> Nullable<Jsonb>,
            problem -> Nullable<Text>,
            created_by -> Uuid,
            created_at -> Timestamptz,
            finished_at -> Nullable<Timestamptz>,
            fault -> Nullable<Jsonb>,
        }
    }

    diesel::table! {
        platform.installation (one) {
            one -> Bool,
            kind -> Text,
            seeded_at -> Nullable<Timestamptz>,
        }
    }

    diesel::table! {
        platform.job_runs (job, day) {
            job -> Text,
            day -> Date,
            finished_at -> Timestamptz,
        }
    }

    diesel::table! {
        platform.master_key (fingerprint) {
            fingerprint -> Bytea,
            only_one -> Bool,
        }
    }

    diesel::table! {
        platform.master_key_versions (version) {
            version -> Int2,
            fingerprint -> Bytea,
            audit_from -> Int8,
            current_since -> Timestamptz,
            resealed_at -> Nullable<Timestamptz>,
        }
    }

    diesel::table! {
        platform.oauth_apps (id) {
            id -> Uuid,
            client_id -> Text,
            secret_hash -> Nullable<Bytea>,
            name -> Text,
            redirect_uris -> Array<Nullable<Text>>,
            scope -> Text,
            created_at -> Timestamptz,
            revoked_at -> Nullable<Timestamptz>,
        }
    }

    diesel::table! {
        platform.oauth_codes (hash) {
            hash -> Bytea,
            grant_id -> Uuid,
            redirect_uri -> Text,
            challenge -> Text,
            expires_at -> Timestamptz,
            used_at -> Nullable<Timestamptz>,
        }
    }

    diesel::table! {
        platform.oauth_grants (id) {
            id -> Uuid,
            app_id -> Uuid,
            member_id -> Uuid,
            scope -> Text,
            granted_at -> Timestamptz,
            connected_at -> Nullable<Timestamptz>,
            last_used_at -> Nullable<Timestamptz>,
            ends_at -> Timestamptz,
            ended_at -> Nullable<Timestamptz>,
            end_reason -> Nullable<Text>,
        }
    }

    diesel::table! {
        platform.oauth_refresh_tokens (hash) {
            hash -> Bytea,
            grant_id -> Uuid,
            expires_at -> Timestamptz,
            used_at -> Nullable<Timestamptz>,
        }
    }

    diesel::table! {
        platform.outbox (id) {
            id -> Int8,
            kind -> Text,
            member_id -> Nullable<Uuid>,
            payload -> Jsonb,
            occurred_at -> Timestamptz,
        }
    }

    diesel::table! {
        platform.preferences (member_id) {
            member_id -> Uuid,
            daily_digest -> Bool,
            language -> Text,
            updated_at -> Timestamptz,
            expiry_notices -> Bool,
        }
    }

    diesel::table! {
        platform.refresh_tokens (hash) {
            hash -> Bytea,
            session_id -> Uuid,
            expires_at -> Timestamptz,
            used_at -> Nullable<Timestamptz>,
        }
    }

    diesel::table! {
        platform.sessions (id) {
            id -> Uuid,
            realm -> Text,
            subject_id -> Uuid,
            created_at -> Timestamptz,
            last_seen_at -> Timestamptz,
            ends_at -> Timestamptz,
            ended_at -> Nullable<Timestamptz>,
            end_reason -> Nullable<Text>,
        }
    }

    diesel::table! {
        platform.sign_in_attempts (account) {
            account -> Bytea,
            wrong -> Int4,
            blocked_until -> Nullable<Timestamptz>,
            last_at -> Timestamptz,
        }
    }

    diesel::table! {
        platform.sign_in_codes (account) {
            account -> Bytea,
            code_hash -> Bytea,
            member_id -> Nullable<Uuid>,
            expires_at -> Timestamptz,
        }
    }

    diesel::table! {
        platform.signing_keys (kid) {
            kid -> Text,
            created_at -> Timestamptz,
            retires_at -> Nullable<Timestamptz>,
            key_version -> Int2,
        }
    }

    diesel::table! {
        platform.staff (id) {
            id -> Uuid,
            email -> Text,
            password_hash -> Text,
            role -> Text,
            organisation_code -> Nullable<Text>,
            partner_id -> Nullable<Uuid>,
            outlets -> Array<Nullable<Text>>,
            created_at -> Timestamptz,
            password_changed_at -> Timestamptz,
            disabled_at -> Nullable<Timestamptz>,
        }
    }

    diesel::table! {
        platform.till_enrolments (id) {
            id -> Uuid,
            member_id -> Uuid,
            asker -> Text,
            code_hash -> Bytea,
            offer_version -> Text,
            created_at -> Timestamptz,
            expires_at -> Timestamptz,
            confirmed_at -> Nullable<Timestamptz>,
        }
    }

    diesel::table! {
        platform.wallet_passes (provider, card_id) {
            provider -> Text,
            card_id -> Uuid,
            member_id -> Uuid,
            content -> Bytea,
            tag -> Int8,
            changed_at -> Timestamptz,
            mark -> Int8,
            looked -> Int8,
            swept_on -> Date,
            created_at -> Timestamptz,
        }
    }

    diesel::table! {
        platform.wallet_updates (id) {
            id -> Int8,
            provider -> Text,
            card_id -> Uuid,
            device -> Text,
            tag -> Int8,
            due_at -> Timestamptz,
            attempts -> Int4,
            failed_at -> Nullable<Timestamptz>,
            failure -> Nullable<Text>,
            created_at -> Timestamptz,
        }
    }

    diesel::table! {
        platform.webhook_deliveries (id) {
            id -> Uuid,
            webhook_id -> Uuid,
            event -> Text,
            body -> Text,
            created_at -> Timestamptz,
            state -> Text,
            due_at -> Timestamptz,
            attempts -> Int4,
            tried_at -> Nullable<Timestamptz>,
            answered -> Nullable<Int2>,
            failure -> Nullable<Text>,
        }
    }

    diesel::table! {
        platform.webhooks (id) {
            id -> Uuid,
            partner_id -> Uuid,
            url -> Text,
            events -> Array<Nullable<Text>>,
            secret_version -> Int4,
            overlap_until -> Nullable<Timestamptz>,
            created_at -> Timestamptz,
            failing_since -> Nullable<Timestamptz>,
            paused_until -> Nullable<Timestamptz>,
            disabled_at -> Nullable<Timestamptz>,
            disabled_why -> Nullable<Text>,
        }
    }

    diesel::joinable!(oauth_codes -> oauth_grants (grant_id));
    diesel::joinable!(oauth_grants -> oauth_apps (app_id));
    diesel::joinable!(oauth_refresh_tokens -> oauth_grants (grant_id));
    diesel::joinable!(refresh_tokens -> sessions (session_id));
    diesel::joinable!(webhook_deliveries -> webhooks (webhook_id));

    diesel::allow_tables_to_appear_in_same_query!(
        api_clients,
        apple_registrations,
        audit_log,
        deliveries,
        expiry_notices,
        guesses,
        idempotency_keys,
        imports,
        installation,
        job_runs,
        master_key,
        master_key_versions,
        oauth_apps,
        oauth_codes,
        oauth_grants,
        oauth_refresh_tokens,
        outbox,
        preferences,
        refresh_tokens,
        sessions,
        sign_in_attempts,
        sign_in_codes,
        signing_keys,
        staff,
        till_enrolments,
        wallet_passes,
        wallet_updates,
        webhook_deliveries,
        webhooks,
    );
}
