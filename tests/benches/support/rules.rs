//! Ten rules of a partner, of every kind: what a purchase is judged by where speed is measured.

use cashback_engine::rules::{RuleDraft, store};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::pg::PgConnection;
use shared_kernel::ids::Uuid;

/// All in force but the last.
const RULES: [&str; 10] = [
    r#""earn":{"percent":"5"}"#,
    r#""earn":{"percent":"3"},"when":{"days":["sat","sun"]}"#,
    r#""earn":{"percent":"7"},"when":{"hours":["22:00","06:00"]}"#,
    r#""earn":{"fixed":"10.00"},"stacking":"additive","when":{"least_amount":"3000.00"},"caps":{"per_member":{"amount":"300.00","period":"month"}}"#,
    r#""earn":{"per":"100.00","amount":"1.00"},"stacking":"additive","when":{"categories":["books"]}"#,
    r#""earn":{"ladder":[{"from":"0.00","percent":"1"},{"from":"4000.00","percent":"6"}]}"#,
    r#""earn":{"percent":"8"},"when":{"members":{"organisation":"R-001"}}"#,
    r#""earn":{"percent":"9"},"when":{"members":{"categories":["student"],"age":[14,35]}}"#,
    r#""earn":{"percent":"2"},"stacking":"additive","caps":{"per_purchase":"20.00","budget":"1000000.00"}"#,
    r#""earn":{"percent":"6"},"when":{"from":"2027-01-01"}"#,
];

/// Drafts and approves them for a partner, three months ago.
pub fn approve(connection: &mut PgConnection, partner: &str, now: DateTime<Utc>) {
    let long_ago = now - TimeDelta::days(90);
    for (place, rest) in RULES.into_iter().enumerate() {
        let json = format!(
            r#"{{"name":"rule {place}","partner":"{partner}","hold_days":14,"life_months":12,{rest}}}"#
        );
        let draft: RuleDraft = serde_json::from_str(&json).expect("the rule is right");
        let version =
            store::create(connection, &draft, Uuid::new_v4(), long_ago).expect("the rule can be drafted");
        store::approve(connection, version.id, 1, Uuid::new_v4(), long_ago)
            .expect("somebody else approves it");
    }
}
