// @generated automatically by Diesel CLI.

pub mod ledger {
    diesel::table! {
        ledger.accounts (id) {
            id -> Int4,
            kind -> Text,
            owner_kind -> Text,
            owner -> Text,
        }
    }

    diesel::table! {
        ledger.adjustments (id) {
            id -> Uuid,
            kind -> Text,
            debit -> Int4,
            credit -> Int4,
            member_id -> Nullable<Uuid>,
            amount -> Int8,
            life_months -> Nullable<Int2>,
            reason -> Text,
            evidence -> Text,
            status -> Text,
            proposed_by -> Uuid,
            proposed_at -> Timestamptz,
            decided_by -> Nullable<Uuid>,
            decided_at -> Nullable<Timestamptz>,
            decision_comment -> Nullable<Text>,
            posting_id -> Nullable<Uuid>,
        }
    }

    diesel::table! {
        ledger.balances (member_id) {
            member_id -> Uuid,
            pending -> Int8,
            available -> Int8,
            reserved -> Int8,
            debt -> Int8,
            standing -> Text,
            tier -> Nullable<Text>,
            claims -> Int2,
        }
    }

    diesel::table! {
        ledger.budget_usage (rule_id) {
            rule_id -> Uuid,
            used -> Int8,
        }
    }

    diesel::table! {
        ledger.cap_usage (member_id, rule_id, span, period) {
            member_id -> Uuid,
            rule_id -> Uuid,
            span -> Text,
            period -> Date,
            used -> Int8,
        }
    }

    diesel::table! {
        ledger.card_usage (card_id, span, period) {
            card_id -> Uuid,
            member_id -> Uuid,
            span -> Text,
            period -> Date,
            earned -> Int4,
            redeemed -> Int8,
        }
    }

    diesel::table! {
        ledger.claims (id) {
            id -> Uuid,
            member_id -> Uuid,
            raw -> Text,
            drive -> Text,
            document -> Int8,
            amount -> Int8,
            local_time -> Timestamp,
            outlet_id -> Nullable<Int4>,
            occurred_at -> Nullable<Timestamptz>,
            status -> Text,
            reason -> Nullable<Text>,
            words -> Nullable<Text>,
            purchase_id -> Nullable<Uuid>,
            receipt_said -> Bool,
            arrived_as -> Nullable<Text>,
            in_play -> Bool,
            filed_at -> Timestamptz,
            decided_at -> Nullable<Timestamptz>,
            decided_by -> Nullable<Uuid>,
        }
    }

    diesel::table! {
        ledger.closed_days (day) {
            day -> Date,
            first_id -> Uuid,
            end_id -> Uuid,
            postings -> Int8,
            transfers -> Int8,
            hash -> Bytea,
            closed_at -> Timestamptz,
        }
    }

    diesel::table! {
        ledger.commission_rates (partner_id, until) {
            partner_id -> Uuid,
            until -> Timestamptz,
            rate -> Int8,
        }
    }

    diesel::table! {
        ledger.day_totals (account, day) {
            account -> Int4,
            day -> Date,
            debit -> Int8,
            credit -> Int8,
            debit_total -> Int8,
            credit_total -> Int8,
        }
    }

    diesel::table! {
        ledger.enrolments (id) {
            id -> Int8,
            member_id -> Uuid,
            kind -> Text,
            offer_version -> Text,
            channel -> Text,
            at -> Timestamptz,
        }
    }

    diesel::table! {
        ledger.finished_jobs (job) {
            job -> Text,
            judged_at -> Timestamptz,
            finished_at -> Timestamptz,
        }
    }

    diesel::table! {
        ledger.fiscal_drives (drive) {
            drive -> Text,
            outlet_id -> Int4,
            added_by -> Uuid,
            added_at -> Timestamptz,
        }
    }

    diesel::table! {
        ledger.fiscal_receipts (drive, document) {
            drive -> Text,
            document -> Int8,
            purchase_id -> Uuid,
        }
    }

    diesel::table! {
        ledger.former_exclusions (until) {
            until -> Timestamptz,
            categories -> Array<Nullable<Text>>,
        }
    }

    diesel::table! {
        ledger.fraud_cases (id) {
            id -> Uuid,
            purchase_id -> Uuid,
            member_id -> Uuid,
            card_id -> Nullable<Uuid>,
            outlet_id -> Int4,
            posted_by -> Uuid,
            source -> Text,
            amount -> Int8,
            cashback -> Int8,
            evidence -> Jsonb,
            status -> Text,
            opened_at -> Timestamptz,
            decided_at -> Nullable<Timestamptz>,
            decided_by -> Nullable<Uuid>,
            comment -> Nullable<Text>,
            card_blocked -> Bool,
        }
    }

    diesel::table! {
        ledger.fraud_counters (subject, day) {
            subject -> Uuid,
            day -> Date,
            purchases -> Int4,
            amount -> Int8,
            bare -> Int4,
            bare_amount -> Int8,
            refunds -> Int4,
            moments -> Array<Nullable<Timestamptz>>,
            outlets -> Array<Nullable<Int4>>,
        }
    }

    diesel::table! {
        ledger.fraud_rules (rule) {
            rule -> Text,
            enabled -> Bool,
            action -> Text,
            most_purchases -> Nullable<Int4>,
            most_amount -> Nullable<Int8>,
            minutes -> Nullable<Int4>,
            days -> Nullable<Int4>,
            hours_from -> Nullable<Time>,
            hours_until -> Nullable<Time>,
            changed_by -> Nullable<Uuid>,
            changed_at -> Nullable<Timestamptz>,
        }
    }

    diesel::table! {
        ledger.freezes (id) {
            id -> Int8,
            member_id -> Uuid,
            reason -> Text,
            frozen_by -> Uuid,
            frozen_at -> Timestamptz,
            end_reason -> Nullable<Text>,
            ended_by -> Nullable<Uuid>,
            ended_at -> Nullable<Timestamptz>,
        }
    }

    diesel::table! {
        ledger.lots (member_id, purchase_id, part) {
            member_id -> Uuid,
            purchase_id -> Uuid,
            part -> Int2,
            amount -> Int8,
            remaining -> Int8,
            expired -> Int8,
            available_at -> Timestamptz,
            expires_on -> Nullable<Date>,
            released -> Bool,
            held -> Bool,
        }
    }

    diesel::table! {
        ledger.merged (member_id) {
            member_id -> Uuid,
            into_id -> Uuid,
            posting_id -> Nullable<Uuid>,
            merged_by -> Uuid,
            merged_at -> Timestamptz,
        }
    }

    diesel::table! {
        ledger.outlets (id) {
            id -> Int4,
            partner_id -> Uuid,
            code -> Text,
            name -> Text,
            town -> Text,
            zone -> Text,
            created_at -> Timestamptz,
        }
    }

    diesel::table! {
        ledger.partners (id) {
            id -> Uuid,
            code -> Text,
            name -> Text,
            commission_rate -> Int8,
            redeem_share -> Int8,
            redeem_least -> Int8,
            fiscal_counts_points -> Bool,
            receivable -> Int4,
            created_at -> Timestamptz,
        }
    }

    diesel::table! {
        ledger.postings (id) {
            id -> Uuid,
            kind -> Text,
            member_id -> Nullable<Uuid>,
            purchase_id -> Nullable<Uuid>,
            occurred_at -> Timestamptz,
            booked_at -> Timestamptz,
            booked_on -> Date,
            place -> Nullable<Int8>,
        }
    }

    diesel::table! {
        ledger.programme (one) {
            one -> Bool,
            revision -> Int8,
            zone -> Text,
            excluded_categories -> Array<Nullable<Text>>,
            bare_number_may_redeem -> Bool,
            tiers_lowered_for -> Nullable<Date>,
            claim_days -> Int2,
        }
    }

    diesel::table! {
        ledger.purchases (id) {
            id -> Uuid,
            member_id -> Uuid,
            outlet_id -> Int4,
            receipt -> Text,
            card_id -> Nullable<Uuid>,
            source -> Text,
            posted_by -> Uuid,
            occurred_at -> Timestamptz,
            booked_at -> Timestamptz,
            status -> Text,
            captured -> Bool,
            amount -> Int8,
            redeemed -> Int8,
            redeemed_left -> Int8,
            commission -> Int8,
            commission_left -> Int8,
            cashback -> Int8,
            cashback_left -> Int8,
            refunded -> Int8,
            refunded_by_amount -> Int8,
            commission_rate -> Int8,
            available_at -> Nullable<Timestamptz>,
            expires_on -> Nullable<Date>,
            terms -> Jsonb,
            lines -> Nullable<Jsonb>,
            kept -> Nullable<Jsonb>,
            fiscal -> Nullable<Text>,
        }
    }

    diesel::table! {
        ledger.receipts (outlet_id, receipt) {
            outlet_id -> Int4,
            receipt -> Text,
            purchase_id -> Uuid,
        }
    }

    diesel::table! {
        ledger.refunds (purchase_id, reference) {
            purchase_id -> Uuid,
            reference -> Text,
            member_id -> Uuid,
            posting_id -> Uuid,
            amount -> Int8,
            lines -> Nullable<Jsonb>,
            fiscal -> Nullable<Text>,
            occurred_at -> Timestamptz,
            booked_at -> Timestamptz,
        }
    }

    diesel::table! {
        ledger.register_rows (register_id, place) {
            register_id -> Uuid,
            place -> Int8,
            line -> Nullable<Int8>,
            kind -> Nullable<Text>,
            outlet -> Nullable<Text>,
            receipt -> Nullable<Text>,
            occurred_at -> Nullable<Timestamptz>,
            holder -> Nullable<Text>,
            amount -> Nullable<Int8>,
            category -> Nullable<Text>,
            reference -> Nullable<Text>,
            outcome -> Nullable<Text>,
            reason -> Nullable<Text>,
            our_amount -> Nullable<Int8>,
            purchase_id -> Nullable<Uuid>,
        }
    }

    diesel::table! {
        ledger.registers (id) {
            id -> Uuid,
            partner_id -> Uuid,
            file_name -> Text,
            mode -> Text,
            history -> Bool,
            status -> Text,
            problem -> Nullable<Text>,
            row_count -> Int8,
            created_by -> Uuid,
            created_at -> Timestamptz,
            finished_at -> Nullable<Timestamptz>,
        }
    }

    diesel::table! {
        ledger.rule_versions (rule_id, version) {
            rule_id -> Uuid,
            version -> Int4,
            terms -> Jsonb,
            drafted_by -> Uuid,
            drafted_at -> Timestamptz,
            approved_by -> Nullable<Uuid>,
            approved_at -> Nullable<Timestamptz>,
        }
    }

    diesel::table! {
        ledger.rules (id) {
            id -> Uuid,
            number -> Int8,
            partner_id -> Uuid,
            created_at -> Timestamptz,
            ended_at -> Nullable<Timestamptz>,
            ended_by -> Nullable<Uuid>,
        }
    }

    diesel::table! {
        ledger.simulations (id) {
            id -> Uuid,
            question -> Jsonb,
            status -> Text,
            seen -> Int8,
            total -> Nullable<Int8>,
            report -> Nullable<Jsonb>,
            problem -> Nullable<Text>,
            created_by -> Uuid,
            created_at -> Timestamptz,
            finished_at -> Nullable<Timestamptz>,
            attempts -> Int2,
        }
    }

    diesel::table! {
        ledger.spendings (purchase_id, ordinal) {
            member_id -> Uuid,
            purchase_id -> Uuid,
            lot_purchase_id -> Uuid,
            lot_part -> Int2,
            ordinal -> Int2,
            amount -> Int8,
            returned -> Int8,
        }
    }

    diesel::table! {
        ledger.tier_progress (member_id, month) {
            member_id -> Uuid,
            month -> Date,
            purchases -> Int8,
            cashback -> Int8,
        }
    }

    diesel::table! {
        ledger.tier_settings (version) {
            version -> Int4,
            terms -> Jsonb,
            drafted_by -> Uuid,
            drafted_at -> Timestamptz,
            approved_by -> Nullable<Uuid>,
            approved_at -> Nullable<Timestamptz>,
        }
    }

    diesel::table! {
        ledger.transfers (posting_id, ordinal) {
            posting_id -> Uuid,
            ordinal -> Int2,
            debit -> Int4,
            credit -> Int4,
            amount -> Int8,
            member_id -> Nullable<Uuid>,
            credit_member_id -> Nullable<Uuid>,
        }
    }

    diesel::joinable!(claims -> outlets (outlet_id));
    diesel::joinable!(commission_rates -> partners (partner_id));
    diesel::joinable!(fiscal_drives -> outlets (outlet_id));
    diesel::joinable!(outlets -> partners (partner_id));
    diesel::joinable!(partners -> accounts (receivable));
    diesel::joinable!(registers -> partners (partner_id));
    diesel::joinable!(rule_versions -> rules (rule_id));
    diesel::joinable!(rules -> partners (partner_id));

    diesel::allow_tables_to_appear_in_same_query!(
        accounts,
        adjustments,
        balances,
        budget_usage,
        cap_usage,
        card_usage,
        claims,
        closed_days,
        commission_rates,
        day_totals,
        enrolments,
        finished_jobs,
        fiscal_drives,
        fiscal_receipts,
        former_exclusions,
        fraud_cases,
        fraud_counters,
        fraud_rules,
        freezes,
        lots,
        merged,
        outlets,
        partners,
        postings,
        programme,
        purchases,
        receipts,
        refunds,
        register_rows,
        registers,
        rule_versions,
        rules,
        simulations,
        spendings,
        tier_progress,
        tier_settings,
        transfers,
    );
}
