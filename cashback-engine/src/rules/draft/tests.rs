use shared_kernel::money::Rate;

use super::*;
use crate::rules::terms::{Funder, Funding};

const FULL: &str = r#"{"name":"Учебники","partner":"books","priority":3,"stacking":"additive",
    "when":{"from":"2026-01-01","until":"2026-12-31","days":["mon","sun"],"hours":["09:00","18:00"],
        "outlets":["books-1"],"categories":["textbooks"],"except_categories":["toys"],"least_amount":"100.00",
        "members":{"organisation":"R-059","categories":["worker"],"age":[14,35],"member_for_months":6,"tier":"gold"}},
    "earn":{"ladder":[{"from":"0.00","percent":"1"},{"from":"5000.00","percent":"3.5"}]},
    "caps":{"per_purchase":"500.00","per_member":{"amount":"1000.00","period":"month"},"budget":"100000.00"},
    "funding":[{"by":"partner","share":"0.6"},{"by":"R-059","share":"0.4"}],"hold_days":3,"life_months":null}"#;

fn wrong_fields(json: &str) -> Vec<String> {
    let draft: RuleDraft = serde_json::from_str(json).unwrap();
    draft.check().unwrap_err().into_iter().map(|wrong| wrong.pointer).collect()
}

#[test]
fn a_full_rule_comes_back_as_it_was() {
    let draft: RuleDraft = serde_json::from_str(FULL).unwrap();
    let terms = draft.check().unwrap();
    let again = RuleDraft::of("books", &terms);
    assert_eq!(again.check().unwrap(), terms);
    assert_eq!(
        serde_json::to_value(&again).unwrap(),
        serde_json::from_str::<serde_json::Value>(FULL).unwrap()
    );
    let kept: Terms = serde_json::from_value(serde_json::to_value(&terms).unwrap()).unwrap();
    assert_eq!(kept, terms);
}

#[test]
fn what_is_left_out_has_its_usual_value() {
    let draft: RuleDraft =
        serde_json::from_str(r#"{"name":"a","partner":"p","earn":{"percent":"5"}}"#).unwrap();
    let terms = draft.check().unwrap();
    assert_eq!((terms.hold_days, terms.life_months, terms.stacking), (14, Some(12), Stacking::Exclusive));
    assert_eq!(terms.funding, [Funding { by: Funder::Partner, share: Rate::ONE }]);
    assert!(
        serde_json::from_str::<RuleDraft>(r#"{"name":"a","partner":"p","earn":{"percent":"5"},"x":1}"#)
            .is_err()
    );
}

#[test]
fn every_wrong_field_is_named() {
    for (fields, pointer) in [
        (r#""earn":{"percent":"0"}"#, "/earn/percent"),
        (r#""earn":{"percent":"101"}"#, "/earn/percent"),
        (r#""earn":{"percent":"1e1"}"#, "/earn/percent"),
        (r#""earn":{"percent":"5","fixed":"1.00"}"#, "/earn"),
        (r#""earn":{}"#, "/earn"),
        (r#""earn":{"per":"100.00"}"#, "/earn"),
        (r#""earn":{"fixed":"0.00"}"#, "/earn/fixed"),
        (r#""earn":{"ladder":[]}"#, "/earn/ladder"),
        (r#""earn":{"ladder":[{"from":"5","percent":"1"},{"from":"5","percent":"2"}]}"#, "/earn/ladder"),
        (r#""earn":{"fixed":"1.00"},"hold_days":28,"life_months":1"#, "/life_months"),
        (r#""earn":{"fixed":"1.00"},"life_months":0"#, "/life_months"),
        (r#""earn":{"fixed":"1.00"},"when":{"from":"2026-02-30"}"#, "/when/from"),
        (r#""earn":{"fixed":"1.00"},"when":{"days":["monday"]}"#, "/when/days/0"),
        (r#""earn":{"fixed":"1.00"},"when":{"hours":["9","18"]}"#, "/when/hours"),
        (r#""earn":{"fixed":"1.00"},"when":{"members":{"age":[35,14]}}"#, "/when/members/age"),
        (r#""earn":{"fixed":"1.00"},"funding":[{"by":"partner","share":"0.9"}]"#, "/funding"),
        (r#""earn":{"fixed":"1.00"},"stacking":"both""#, "/stacking"),
        (r#""earn":{"fixed":"1.00"},"caps":{"budget":"1,5"}"#, "/caps/budget"),
    ] {
        let found = wrong_fields(&format!(r#"{{"name":"a","partner":"p",{fields}}}"#));
        assert_eq!(found, [pointer], "{fields}");
    }
}
