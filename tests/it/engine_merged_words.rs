//! Two records of one person, and which of them says whether the person takes part: leaving the programme along with the
//! union is one record's, one's own word is the person's.

use cashback_engine::enrolments::{self, Standing, WITH_THE_UNION};
use cashback_engine::merging;
use cashback_engine::purchases::CashbackReason;
use chrono::TimeDelta;
use diesel::Connection;
use shared_kernel::ids::{MemberId, Uuid};

use crate::engine_support::Programme;

fn programme() -> Programme {
    let mut programme = Programme::new();
    programme.rule(r#""earn":{"percent":"10"},"hold_days":2"#);
    programme
}

fn leaves(programme: &mut Programme, member: MemberId, channel: &str, days_ago: i64) {
    let at = programme.now - TimeDelta::days(days_ago);
    enrolments::leave(&mut programme.connection, member, "2026-1", channel, at).unwrap();
}

fn merge(programme: &mut Programme, from: MemberId, into: MemberId) -> Option<Standing> {
    programme.now += TimeDelta::milliseconds(1);
    let (books, now) = (programme.books.clone(), programme.now);
    let merger = programme
        .connection
        .transaction(|connection| merging::merge(connection, &books, (from, into), Uuid::nil(), now))
        .unwrap();
    programme.sound();
    merger.standing
}

/// What a purchase brings that is told so many days late.
fn earned(programme: &mut Programme, member: MemberId, days_ago: i64) -> (String, Option<CashbackReason>) {
    let mut sale = programme.sale(member, "100.00");
    sale.occurred_at -= TimeDelta::days(days_ago);
    sale.presented = cashback_engine::posting::Presented::BareNumber;
    let cashback = programme.post(&sale).unwrap().purchase.cashback;
    (cashback.given.to_string(), cashback.reason)
}

#[test]
fn a_record_that_left_along_with_the_union_takes_no_other_out_of_the_programme() {
    for into_the_old in [false, true] {
        let mut programme = programme();
        let (old, new) = (programme.member(), programme.member());
        leaves(&mut programme, old, WITH_THE_UNION, 5);
        let (from, into) = if into_the_old { (new, old) } else { (old, new) };
        assert_eq!(merge(&mut programme, from, into), Some(Standing::Enrolled));
        for days_ago in [0, 2, 8] {
            assert_eq!(
                earned(&mut programme, into, days_ago),
                ("10.00".to_owned(), None),
                "{days_ago} days late"
            );
        }
        // What the person says from then on holds, also along with the union.
        leaves(&mut programme, into, WITH_THE_UNION, 0);
        programme.now += TimeDelta::days(2);
        let left = ("0.00".to_owned(), Some(CashbackReason::LeftProgramme));
        for days_ago in [0, 1] {
            assert_eq!(earned(&mut programme, into, days_ago), left, "{days_ago} days late");
        }
        assert_eq!(earned(&mut programme, into, 4), ("10.00".to_owned(), None));
        programme.sound();
    }
}

#[test]
fn whoever_left_by_their_own_word_or_with_both_records_is_out() {
    for (channel, both) in [("page", false), (WITH_THE_UNION, true)] {
        let mut programme = programme();
        let (old, new) = (programme.member(), programme.member());
        leaves(&mut programme, old, channel, 5);
        if both {
            leaves(&mut programme, new, WITH_THE_UNION, 3);
        }
        assert_eq!(merge(&mut programme, old, new), Some(Standing::Left));
        let left = ("0.00".to_owned(), Some(CashbackReason::LeftProgramme));
        for days_ago in [0, 2] {
            assert_eq!(earned(&mut programme, new, days_ago), left, "{channel}, {days_ago} days late");
        }
        assert_eq!(earned(&mut programme, new, 8), ("10.00".to_owned(), None));
        programme.sound();
    }
}
