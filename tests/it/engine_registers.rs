//! Partners' registers: every row ends in one outcome, and the same file again changes nothing.

use std::collections::HashMap;

use cashback_engine::posting::{self, Audience, Buyer, CardStanding};
use cashback_engine::reconciliation::{
    self, NewRegister, Outcome, PendingRow, RegisterMode, RegisterStatus, ResolvedRow, RowKind,
};
use cashback_engine::refunds::Returned;
use cashback_engine::{EngineError, RegisterId, ledger, two_step};
use chrono::TimeDelta;
use diesel::prelude::*;
use shared_kernel::ids::{MemberId, Uuid};
use shared_kernel::paging::Limit;

use crate::engine_support::{Programme, line, money};

pub const HEADER: &str = "outlet,receipt,occurred_at,card_number,amount,category,kind,reference";

pub fn create(
    programme: &mut Programme,
    content: &[u8],
    mode: RegisterMode,
) -> Result<RegisterId, EngineError> {
    let new = NewRegister {
        partner: programme.partner,
        file_name: "register.csv".to_owned(),
        mode,
        history: false,
        created_by: Uuid::nil(),
    };
    reconciliation::create_register(&mut programme.connection, &new, content, programme.now)
}

fn resolved(rows: Vec<PendingRow>, cards: &HashMap<&str, MemberId>) -> Vec<ResolvedRow> {
    let buyer = |member| Buyer {
        limits: None,
        member,
        card: None,
        card_standing: CardStanding::Valid,
        audience: Audience::default(),
    };
    rows.into_iter()
        .map(|row| {
            let member = row.holder.as_deref().and_then(|card| cards.get(card)).copied();
            ResolvedRow { row, buyer: member.map(buyer) }
        })
        .collect()
}

/// Loads a register to its end, three rows at a time; the counts that are not 0.
pub fn load(
    programme: &mut Programme,
    content: &[u8],
    mode: RegisterMode,
    cards: &HashMap<&str, MemberId>,
) -> (RegisterId, Vec<(Outcome, i64)>) {
    let id = create(programme, content, mode).unwrap();
    let (books, now) = (programme.books.clone(), programme.now);
    for kind in [RowKind::Sale, RowKind::Refund] {
        let mut after = 0;
        loop {
            let rows = reconciliation::pending_rows(&mut programme.connection, id, (kind, after), 3).unwrap();
            let Some(last) = rows.last() else { break };
            after = last.place;
            let rows = resolved(rows, cards);
            programme
                .connection
                .transaction(|connection| reconciliation::post_rows(connection, &books, id, &rows, now))
                .unwrap();
        }
    }
    assert!(reconciliation::finish(&mut programme.connection, id, now).unwrap());
    assert!(reconciliation::finish(&mut programme.connection, id, now).unwrap());
    let view =
        reconciliation::register(&mut programme.connection, id, Some(programme.partner)).unwrap().unwrap();
    assert_eq!(view.status, RegisterStatus::Done);
    assert_eq!(view.done_rows, view.rows);
    (id, view.outcomes.into_iter().filter(|(_, count)| *count > 0).collect())
}

#[test]
fn every_row_ends_in_one_outcome() {
    let mut programme = Programme::new();
    programme.rule(r#""earn":{"percent":"5"}"#);
    let member = programme.member();
    let cards = HashMap::from([("9643000000000001", member)]);
    let ours = |programme: &mut Programme, receipt: &str, amount: &str, days: i64| {
        let mut sale = programme.sale(member, amount);
        sale.receipt = receipt.to_owned();
        sale.occurred_at -= TimeDelta::days(days);
        programme.post(&sale).unwrap().purchase
    };
    ours(&mut programme, "same", "100.00", 5);
    ours(&mut programme, "other", "100.00", 5);
    let missing = ours(&mut programme, "missing", "70.00", 5);
    ours(&mut programme, "outside", "70.00", 20);
    let row = |rest: &str| format!("shop-1,{rest}\n");
    let card = "9643000000000001";
    let day = "2026-11-05T12:00:00+03:00";
    let mut file = format!("{HEADER}\n");
    // The refund stands before its sale.
    file += &row(&format!("new,{day},{card},40.00,food,refund,back-1"));
    file += &row(&format!("same,{day},{card},100.00,,sale,"));
    file += &row(&format!("other,{day},{card},99.00,,sale,"));
    file += &row(&format!("new,{day},{card},200.00,food,sale,"));
    file += &row(&format!("new,{day},{card},200.00,food,sale,"));
    file += &row(&format!("nobody,{day},9643000000000002,200.00,,sale,"));
    file += &row(&format!("nosale,{day},{card},5.00,,refund,back-2"));
    file += &row("bad,yesterday,9643000000000001,200.00,,sale,");
    file += &row(&format!("bad2,{day},{card},\"1,50\",,sale,"));
    file += &row(&format!("bad3,{day},{card},1.00,,gift,"));
    file += &row(&format!("short,{day},{card}"));
    file += &format!("elsewhere,1,{day},{card},1.00,,sale,\n");
    let compared = load(&mut programme, file.as_bytes(), RegisterMode::Compare, &cards);
    assert_eq!(
        compared.1,
        [
            (Outcome::Matched, 1),
            (Outcome::AmountDiffers, 1),
            (Outcome::OnlyTheirs, 3),
            (Outcome::OnlyOurs, 1),
            (Outcome::Duplicate, 1),
            (Outcome::Rejected, 6),
        ]
    );
    assert_eq!(programme.balance(member)[0], "13.50", "comparing posts nothing");
    let posted = load(&mut programme, file.as_bytes(), RegisterMode::Post, &cards);
    assert_eq!(
        posted.1,
        [
            (Outcome::Posted, 2),
            (Outcome::Matched, 1),
            (Outcome::AmountDiffers, 1),
            (Outcome::OnlyTheirs, 1),
            (Outcome::OnlyOurs, 1),
            (Outcome::Duplicate, 1),
            (Outcome::Rejected, 6),
        ]
    );
    assert_eq!(programme.balance(member)[0], "21.50", "13.50 and 5 % of 160.00");
    let again = load(&mut programme, file.as_bytes(), RegisterMode::Post, &cards);
    assert_eq!(again.1[0], (Outcome::Matched, 3));
    assert_eq!(programme.balance(member)[0], "21.50", "the same file again changes nothing");
    let rows =
        reconciliation::rows(&mut programme.connection, posted.0, None, None, Limit::new(200).unwrap())
            .unwrap()
            .items;
    let reasons: Vec<&str> = rows.iter().filter_map(|row| row.reason.as_deref()).collect();
    assert_eq!(
        reasons,
        [
            "twice_in_file",
            "card_unknown",
            "waits_for_sale",
            "occurred_at_invalid",
            "amount_invalid",
            "kind_invalid",
            "columns",
            "outlet_unknown"
        ]
    );
    let last = rows.last().unwrap();
    assert_eq!((last.outcome, last.purchase_id), (Some(Outcome::OnlyOurs), Some(missing.id)));
    let mut streamed = 0;
    reconciliation::stream_rows(&mut programme.connection, posted.0, |_| -> QueryResult<()> {
        streamed += 1;
        Ok(())
    })
    .unwrap();
    assert_eq!(streamed, rows.len());
    let view = reconciliation::register(&mut programme.connection, posted.0, None).unwrap().unwrap();
    // The two we had, the one posted less its refund, and the one they miss.
    assert_eq!(view.amounts.ours, money("430.00"));
    let books = programme.books.clone();
    assert!(ledger::audit::verify(&mut programme.connection, &books).unwrap().ok);
}

#[test]
fn files_come_in_many_dresses() {
    let mut programme = Programme::new();
    let member = programme.member();
    let cards = HashMap::from([("c", member)]);
    let cp1251 = [
        b"reference;kind;category;amount;card_number;occurred_at;receipt;outlet\r\n;sale;".as_slice(),
        &[0xEA, 0xED, 0xE8, 0xE3, 0xE8],
        b";10.00;c;2026-11-05T12:00:00Z;\xB9 5;shop-1\r\n",
    ]
    .concat();
    let (id, outcomes) = load(&mut programme, &cp1251, RegisterMode::Post, &cards);
    assert_eq!(outcomes, [(Outcome::Posted, 1)]);
    let row = reconciliation::rows(&mut programme.connection, id, None, None, Limit::DEFAULT)
        .unwrap()
        .items
        .remove(0);
    assert_eq!((row.receipt.as_deref(), row.category.as_deref()), (Some("№ 5"), Some("книги")));
    let marked = format!("\u{feff}{HEADER}\nshop-1,№ 5,2026-11-05T12:00:00Z,c,10.00,книги,sale,");
    let (_, outcomes) = load(&mut programme, marked.as_bytes(), RegisterMode::Post, &cards);
    assert_eq!(outcomes, [(Outcome::Matched, 1)], "without a last line end, too");
}

#[test]
fn a_file_that_is_no_register_is_refused_whole() {
    let mut programme = Programme::new();
    let open_quote = format!("{HEADER}\n\"{}", "x\n".repeat(200_000));
    for (content, reason) in [
        ("", "empty"),
        ("a,b\n", "missing_column"),
        ("outlet,receipt,occurred_at,card_number,amount,category,kind\n", "missing_column"),
        ("outlet,receipt,occurred_at,membership_number,amount,category,kind,reference\n", "missing_column"),
        ("outlet,outlet,receipt,occurred_at,card_number,amount,category,kind,reference\n", "doubled_column"),
        ("outlet,receipt,occurred_at,card_number,amount,category,kind,reference,x\n", "extra_column"),
        (open_quote.as_str(), "row_too_long"),
    ] {
        match create(&mut programme, content.as_bytes(), RegisterMode::Post) {
            Err(EngineError::File { reason: found, .. }) => assert_eq!(found, reason, "{content:.60}"),
            other => panic!("{content:.60}: {other:?}"),
        }
    }
    let utf16 = [0xFF, 0xFE, b'o', 0];
    assert!(matches!(
        create(&mut programme, &utf16, RegisterMode::Post),
        Err(EngineError::File { reason: "encoding", .. })
    ));
    let kept = reconciliation::registers(&mut programme.connection, None, None, Limit::DEFAULT).unwrap();
    assert!(kept.items.is_empty(), "nothing was stored");
}

#[test]
fn a_refund_and_its_sale_that_meet_never_miss_each_other() {
    for sale_first in [true, false] {
        let mut programme = Programme::new();
        programme.rule(r#""earn":{"percent":"5"}"#);
        let member = programme.member();
        let mut sale = programme.sale(member, "100.00");
        sale.receipt = "meet".to_owned();
        let file = format!("{HEADER}\nshop-1,meet,2026-11-10T08:00:00Z,,40.00,,refund,back\n");
        let id = create(&mut programme, file.as_bytes(), RegisterMode::Post).unwrap();
        let (books, now) = (programme.books.clone(), programme.now);
        let refund = |connection: &mut PgConnection| {
            let rows = reconciliation::pending_rows(connection, id, (RowKind::Refund, 0), 10)?;
            let rows: Vec<_> = rows.into_iter().map(|row| ResolvedRow { row, buyer: None }).collect();
            reconciliation::post_rows(connection, &books, id, &rows, now)
        };
        let buy = |connection: &mut PgConnection| -> QueryResult<()> {
            let sales = std::slice::from_ref(&sale);
            posting::post(connection, &books, sales, now)?.remove(0).unwrap();
            Ok(())
        };
        type Work<'a> = &'a (dyn Fn(&mut PgConnection) -> QueryResult<()> + Sync);
        let (first, second): (Work<'_>, Work<'_>) =
            if sale_first { (&buy, &refund) } else { (&refund, &buy) };
        let mut other = programme.database.connect();
        std::thread::scope(|scope| {
            let waiting = programme
                .connection
                .transaction(|connection| {
                    first(connection)?;
                    let waiting =
                        scope.spawn(move || other.transaction(|connection| second(connection)).unwrap());
                    std::thread::sleep(std::time::Duration::from_millis(200));
                    assert!(!waiting.is_finished(), "one waits for the other");
                    QueryResult::Ok(waiting)
                })
                .unwrap();
            waiting.join().unwrap();
        });
        let rows =
            reconciliation::rows(&mut programme.connection, id, None, None, Limit::DEFAULT).unwrap().items;
        assert_eq!(rows[0].outcome, Some(Outcome::Posted), "sale first: {sale_first}; {rows:?}");
        assert_eq!(programme.balance(member)[0], "3.00", "5 % of 60.00");
        let audit = ledger::audit::verify(&mut programme.connection, &books).unwrap();
        assert!(audit.ok, "{audit:#?}");
    }
}

#[test]
fn a_refund_that_cannot_have_happened_then_is_rejected_and_one_that_is_known_is_matched() {
    let mut programme = Programme::new();
    programme.rule(r#""earn":{"percent":"5"}"#);
    let member = programme.member();
    let cards = HashMap::from([("c", member)]);
    let row = |receipt: &str, moment: &str, reference: &str| {
        format!("shop-1,{receipt},{moment},c,10.00,,refund,{reference}")
    };
    let sale = "shop-1,R,2026-11-05T12:00:00Z,c,100.00,,sale,";
    let known = row("R", "2026-11-06T12:00:00Z", "known");
    let file = [
        HEADER,
        sale,
        &known,
        &row("R", "2099-01-01T12:00:00Z", "ahead"),
        &row("R", "2026-08-31T20:59:59Z", "old"),
        &row("unknown", "2099-01-01T12:00:00Z", "waits"),
    ]
    .join("\n");
    let (id, outcomes) = load(&mut programme, file.as_bytes(), RegisterMode::Post, &cards);
    assert_eq!(outcomes, [(Outcome::Posted, 2), (Outcome::Rejected, 3)]);
    let rows =
        reconciliation::rows(&mut programme.connection, id, Some(Outcome::Rejected), None, Limit::DEFAULT);
    let reasons: Vec<_> = rows.unwrap().items.into_iter().map(|row| row.reason.unwrap()).collect();
    assert_eq!(reasons, ["occurred_at_future", "occurred_at_too_old", "occurred_at_future"]);
    // Months later the same file still says what is known.
    programme.now += TimeDelta::days(120);
    let (_, outcomes) = load(&mut programme, file.as_bytes(), RegisterMode::Post, &cards);
    assert_eq!(outcomes, [(Outcome::Matched, 2), (Outcome::Rejected, 3)]);
    let books = programme.books.clone();
    assert!(ledger::audit::verify(&mut programme.connection, &books).unwrap().ok);
}

#[test]
fn a_sale_in_two_steps_is_compared_by_what_was_captured() {
    let mut programme = Programme::new();
    programme.rule(r#""earn":{"percent":"5"}"#);
    let member = programme.member();
    let cards = HashMap::from([("c", member)]);
    let (books, now, partner) = (programme.books.clone(), programme.now, Some(programme.partner));
    let mut reserve = |receipt: &str, what: Option<Option<Returned>>| {
        let mut sale = programme.sale(member, "1000.00");
        (sale.receipt, sale.capture) = (receipt.to_owned(), false);
        sale.lines = Some(vec![line("a", "tea", "700.00"), line("b", "cake", "300.00")]);
        let id = programme.post(&sale).unwrap().purchase.id;
        programme
            .connection
            .transaction(|connection| match what {
                None => QueryResult::Ok(()),
                Some(None) => two_step::void(connection, &books, (id, partner), now).map(|ended| {
                    ended.unwrap();
                }),
                Some(part) => two_step::capture(connection, &books, (id, partner), part.as_ref(), now)
                    .map(|captured| assert_eq!(captured.unwrap().sold, money("600.00"))),
            })
            .unwrap();
        id
    };
    let reserved = reserve("reserved", None);
    let voided = reserve("voided", Some(None));
    reserve("part", Some(Some(Returned::Amount(money("600.00")))));
    let lines = vec![line("a", "tea", "500.00"), line("b", "cake", "100.00")];
    let by_lines = reserve("lines", Some(Some(Returned::Lines(lines))));
    // What came back since is a row of its own.
    programme.refund_amount(by_lines, "50.00", "back");
    let row =
        |receipt: &str, amount: &str| format!("\nshop-1,{receipt},{},c,{amount},,sale,", now.to_rfc3339());
    let refund = format!("\nshop-1,lines,{},c,50.00,,refund,back", now.to_rfc3339());
    let file = [
        HEADER.to_owned(),
        row("reserved", "1000.00"),
        row("voided", "1000.00"),
        row("part", "600.00"),
        row("lines", "600.00"),
        refund,
    ]
    .concat();
    for mode in [RegisterMode::Compare, RegisterMode::Post] {
        let (id, outcomes) = load(&mut programme, file.as_bytes(), mode, &cards);
        assert_eq!(outcomes, [(Outcome::Matched, 3), (Outcome::OnlyTheirs, 2)]);
        let rows =
            reconciliation::rows(&mut programme.connection, id, None, None, Limit::DEFAULT).unwrap().items;
        let told: Vec<_> =
            rows.iter().take(2).map(|row| (row.reason.as_deref(), row.our_amount, row.purchase_id)).collect();
        assert_eq!(told, [(Some("authorized"), None, Some(reserved)), (Some("voided"), None, Some(voided))]);
        let view = reconciliation::register(&mut programme.connection, id, None).unwrap().unwrap();
        assert_eq!(view.amounts.ours, money("1150.00"));
    }
    let announced = [HEADER.to_owned(), row("part", "1000.00")].concat();
    let (id, outcomes) = load(&mut programme, announced.as_bytes(), RegisterMode::Compare, &cards);
    assert_eq!(outcomes, [(Outcome::AmountDiffers, 1), (Outcome::OnlyOurs, 2)]);
    let rows = reconciliation::rows(&mut programme.connection, id, None, None, Limit::DEFAULT).unwrap().items;
    let ours: Vec<_> = rows.iter().map(|row| row.our_amount.unwrap()).collect();
    assert_eq!(ours, [money("600.00"), money("600.00"), money("50.00")]);
    let audit = ledger::audit::verify(&mut programme.connection, &books).unwrap();
    assert!(audit.ok, "{audit:#?}");
    diesel::sql_query(
        "UPDATE ledger.register_rows SET amount = 100000, our_amount = 100000
         WHERE outcome = 'matched' AND receipt = 'part'",
    )
    .execute(&mut programme.connection)
    .unwrap();
    assert!(!ledger::audit::verify(&mut programme.connection, &books).unwrap().ok, "not what was captured");
}

#[test]
fn a_mistyped_year_covers_nothing() {
    let mut programme = Programme::new();
    let member = programme.member();
    let cards = HashMap::from([("c", member)]);
    let mut bought = |receipt: &str, days: i64| {
        let mut sale = programme.sale(member, "100.00");
        sale.receipt = receipt.to_owned();
        sale.occurred_at -= TimeDelta::days(days);
        sale.source = posting::Source::History;
        programme.post(&sale).unwrap().purchase.id
    };
    bought("years ago", 900);
    bought("last", 400);
    bought("listed", 5);
    let missing = bought("missing", 4);
    let now = programme.now;
    let day = |days: i64| (now - TimeDelta::days(days)).to_rfc3339();
    let mut file = HEADER.to_owned();
    for (receipt, days) in [("listed", 5), ("only", 3), ("refused", 3_650), ("unknown", 4)] {
        let card = if receipt == "unknown" { "nobody" } else { "c" };
        file += &format!("\nshop-1,{receipt},{},{card},100.00,,sale,", day(days));
    }
    let mut ours = |file: &str, mode| {
        let (id, _) = load(&mut programme, file.as_bytes(), mode, &cards);
        let rows =
            reconciliation::rows(&mut programme.connection, id, None, None, Limit::DEFAULT).unwrap().items;
        let ours = rows.into_iter().filter(|row| row.outcome == Some(Outcome::OnlyOurs));
        ours.filter_map(|row| row.purchase_id).collect::<Vec<_>>()
    };
    assert_eq!(ours(&file, RegisterMode::Compare), [missing]);
    assert_eq!(ours(&file, RegisterMode::Post), [missing]);
    // Of two alone the later one counts; many that are far are a history.
    let two = format!("{HEADER}\nshop-1,a,{},c,1.00,,sale,\nshop-1,b,{},c,1.00,,sale,", day(3_650), day(4));
    assert_eq!(ours(&two, RegisterMode::Compare), [missing]);
    let mut history = HEADER.to_owned();
    for place in 0..30 {
        history += &format!("\nshop-1,h-{place},{},c,1.00,,sale,", day(3 + 31 * place));
    }
    assert_eq!(ours(&history, RegisterMode::Compare).len(), 5, "all there is since");
    // One file may list rows of which none can be dated.
    let undated = format!("{HEADER}\nshop-1,refused,{},c,100.00,,sale,", day(3_650));
    assert!(ours(&undated, RegisterMode::Post).is_empty());
}
