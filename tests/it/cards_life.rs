//! Cards and their codes: issued, drawn, presented, used up, blocked.

use card_issuer::CardError;
use card_issuer::bulk::{self, Announce, Issued};
use card_issuer::cards::{self, Card, CardKind, Standing};
use card_issuer::code::PresentedCode;
use card_issuer::devices::{self, DeviceKind};
use card_issuer::keys::IssuerKeys;
use card_issuer::life::{self, Block, BlockReason, CardStatus};
use card_issuer::numbering::{self, Programme};
use card_issuer::presentation::{self, CodeRefusal, Presented};
use card_issuer::resolutions::{self, ResolutionRefusal};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::Connection;
use diesel::connection::SimpleConnection;
use shared_kernel::ids::{MemberId, Uuid};

use crate::registry_support::{HEADER, Union, row};

/// A union of `count` members, and the issuer's keys.
fn members(count: u32) -> (Union, IssuerKeys, Vec<MemberId>) {
    let mut union = Union::with_organisations();
    let rows: String = (1..=count).map(|n| row(&format!("{n:09}"), "P-1", "Иванова")).collect();
    union.members(format!("{HEADER}{rows}").as_bytes()).unwrap();
    let ids = union_registry::members::active_ids(&mut union.connection, "C-0", None, 10_000).unwrap();
    (union, IssuerKeys::new(&[9; 32]), ids)
}

fn virtual_card(union: &mut Union, keys: &IssuerKeys, member: MemberId) -> Card {
    cards::issue(&mut union.connection, keys, member, CardKind::Virtual, union.now).unwrap()
}

fn drawn(union: &mut Union, keys: &IssuerKeys, card: &Card, at: DateTime<Utc>) -> PresentedCode {
    PresentedCode::parse(&devices::draw(&mut union.connection, keys, card.id, at).unwrap().value).unwrap()
}

fn shown(code: PresentedCode, asker: &str) -> Presented {
    Presented { code, asker: asker.to_owned() }
}

/// Uses one code for a purchase.
fn use_one(
    union: &mut Union,
    keys: &IssuerKeys,
    code: PresentedCode,
    asker: &str,
) -> Result<(), CodeRefusal> {
    let now = union.now;
    let c = &mut union.connection;
    c.transaction(|c| {
        let judged = presentation::lock_codes(c, keys, &[shown(code, asker)], now).unwrap();
        let verdict = judged[0].verdict;
        let uses: Vec<_> = verdict.iter().map(|code| (*code, Uuid::now_v7())).collect();
        presentation::consume(c, &uses, now).unwrap();
        Ok::<_, diesel::result::Error>(verdict.map(|_| ()))
    })
    .unwrap()
}

#[test]
fn everybody_gets_one_card_of_a_kind() {
    let (mut union, keys, ids) = members(50);
    let own = virtual_card(&mut union, &keys, ids[0]);
    let c = &mut union.connection;
    assert!(matches!(
        cards::issue(c, &keys, ids[0], CardKind::Virtual, union.now),
        Err(CardError::AlreadyHas(CardKind::Virtual))
    ));
    let kind = (CardKind::Virtual, Announce::Each);
    let issued = bulk::issue_missing(c, &keys, kind, &ids, union.now).unwrap();
    assert_eq!(issued, Issued { issued: 49, skipped: 1 });
    let again = bulk::issue_missing(c, &keys, kind, &ids, union.now).unwrap();
    assert_eq!(again, Issued { issued: 0, skipped: 50 });
    let cards = cards::of_member(c, ids[7]).unwrap();
    assert_eq!((cards.len(), cards[0].status), (1, CardStatus::Active));
    assert_eq!(cards[0].expires_on.to_string(), "2031-11-21");
    devices::draw(c, &keys, cards[0].id, union.now).unwrap();
    let plastic = cards::issue(c, &keys, ids[0], CardKind::Plastic, union.now).unwrap();
    assert_eq!(plastic.status, CardStatus::Ordered);
    assert!(matches!(devices::draw(c, &keys, plastic.id, union.now), Err(CardError::Plastic)));
    let both = cards::of_member(c, ids[0]).unwrap();
    assert_eq!(both.iter().map(|card| card.id).collect::<Vec<_>>(), [own.id, plastic.id], "virtual first");
    assert_eq!(cards::by_numbers(c, &[own.number, plastic.number]).unwrap().len(), 2);
}

#[test]
fn numbers_end_with_an_error_never_twice() {
    let (mut union, keys, ids) = members(3);
    let c = &mut union.connection;
    let before = numbering::numbers_left(c).unwrap();
    cards::issue(c, &keys, ids[0], CardKind::Virtual, union.now).unwrap();
    assert_eq!(numbering::numbers_left(c).unwrap(), before - 1);
    c.batch_execute("SELECT setval('cards.numbers_01', 999999998)").unwrap();
    assert_eq!(numbering::numbers_left(c).unwrap(), 1);
    let kind = (CardKind::Virtual, Announce::Nothing);
    assert!(matches!(bulk::issue_missing(c, &keys, kind, &ids, union.now), Err(CardError::NumbersExhausted)));
    assert!(matches!(
        cards::issue(c, &keys, ids[1], CardKind::Virtual, union.now),
        Err(CardError::NumbersExhausted)
    ));
    assert!(cards::of_member(c, ids[1]).unwrap().is_empty());
    let next = numbering::open_next(c, union.now).unwrap();
    assert_eq!((next.to_string().as_str(), numbering::numbers_left(c).unwrap()), ("02", numbering::NUMBERS));
    let card = cards::issue(c, &keys, ids[1], CardKind::Virtual, union.now).unwrap();
    assert!(card.number.as_str().starts_with("964302"), "a new key takes a new pair");
    assert_eq!(Some(card.number), keys.numbers(next).number(0));
    assert_eq!(
        bulk::issue_missing(c, &keys, kind, &ids, union.now).unwrap(),
        Issued { issued: 1, skipped: 2 }
    );
}

#[test]
fn a_code_serves_one_purchase() {
    let (mut union, keys, ids) = members(2);
    let (mine, other) = (virtual_card(&mut union, &keys, ids[0]), virtual_card(&mut union, &keys, ids[1]));
    let now = union.now;
    let code = drawn(&mut union, &keys, &mine, now);
    let check = presentation::check_codes(&mut union.connection, &keys, &[shown(code, "a")], now).unwrap();
    assert!(check[0].verdict.is_ok() && check[0].card.as_ref().unwrap().id == mine.id);
    let twice = [shown(code, "a"), shown(code, "a")];
    let locked = presentation::lock_codes(&mut union.connection, &keys, &twice, now).unwrap();
    assert!(locked[0].verdict.is_ok(), "looking uses nothing up");
    assert_eq!(locked[1].verdict, Err(CodeRefusal::Used), "the second of a batch is used");
    assert_eq!(use_one(&mut union, &keys, code, "a"), Ok(()));
    assert_eq!(use_one(&mut union, &keys, code, "a"), Err(CodeRefusal::Used));
    let earlier = drawn(&mut union, &keys, &mine, now - TimeDelta::seconds(30));
    assert_eq!(use_one(&mut union, &keys, earlier, "a"), Err(CodeRefusal::Used), "older than the last used");
    let next = drawn(&mut union, &keys, &mine, now + TimeDelta::seconds(30));
    assert_eq!(use_one(&mut union, &keys, next, "a"), Ok(()));
    let old = drawn(&mut union, &keys, &other, now - TimeDelta::minutes(5));
    assert_eq!(use_one(&mut union, &keys, old, "a"), Err(CodeRefusal::Expired));
    let early = drawn(&mut union, &keys, &other, now + TimeDelta::minutes(5));
    assert_eq!(use_one(&mut union, &keys, early, "a"), Err(CodeRefusal::ClockOff));
    let live = devices::draw(&mut union.connection, &keys, other.id, now).unwrap().value;
    let foreign = PresentedCode::parse(&format!("{}{}", mine.number, &live[16..])).unwrap();
    assert_eq!(use_one(&mut union, &keys, foreign, "a"), Err(CodeRefusal::Wrong));
    let unknown = PresentedCode::parse(&format!(
        "{}{}",
        keys.numbers(Programme::FIRST).number(999_999).unwrap(),
        &live[16..]
    ))
    .unwrap();
    assert_eq!(use_one(&mut union, &keys, unknown, "a"), Err(CodeRefusal::CardUnknown));
}

#[test]
fn a_revoked_device_draws_wrong_codes_and_eight_are_enough() {
    let (mut union, keys, ids) = members(1);
    let card = virtual_card(&mut union, &keys, ids[0]);
    let now = union.now;
    let c = &mut union.connection;
    let phone = devices::add(c, &keys, card.id, (DeviceKind::Phone, "", "test"), now).unwrap();
    let secret = keys.device_secret(phone.id, phone.key_version).unwrap();
    let code =
        |at| PresentedCode::parse(&card_issuer::code::live_code(&secret, card.number, at).value).unwrap();
    assert_eq!(use_one(&mut union, &keys, code(now), "a"), Ok(()));
    let c = &mut union.connection;
    assert!(devices::revoke(c, (ids[0], phone.id), "test", now).unwrap());
    assert!(!devices::revoke(c, (ids[0], phone.id), "test", now).unwrap());
    let later = code(now + TimeDelta::seconds(30));
    assert_eq!(use_one(&mut union, &keys, later, "a"), Err(CodeRefusal::Wrong));
    let c = &mut union.connection;
    for _ in 1..8 {
        devices::add(c, &keys, card.id, (DeviceKind::Phone, "", "test"), now).unwrap();
    }
    assert!(matches!(
        devices::add(c, &keys, card.id, (DeviceKind::Google, "", "test"), now),
        Err(CardError::TooManyDevices(8))
    ));
    assert_eq!(devices::of_card(c, card.id).unwrap().len(), 8);
}

#[test]
fn a_resolution_is_its_askers_and_serves_one_purchase() {
    let (mut union, keys, ids) = members(1);
    let card = virtual_card(&mut union, &keys, ids[0]);
    let now = union.now;
    let code = drawn(&mut union, &keys, &card, now);
    let c = &mut union.connection;
    let first = resolutions::resolve_code(c, &keys, code, "till-1", now).unwrap().unwrap();
    let again = resolutions::resolve_code(c, &keys, code, "till-1", now).unwrap().unwrap();
    assert_eq!(first.resolution.id, again.resolution.id);
    let foreign = resolutions::resolve_code(c, &keys, code, "till-2", now).unwrap();
    assert_eq!(foreign.map(|taken| taken.resolution.id), Err(CodeRefusal::Used));
    let quote = presentation::check_codes(c, &keys, &[shown(code, "till-1")], now).unwrap();
    assert_eq!(
        quote[0].verdict.unwrap().resolution,
        Some(first.resolution.id),
        "the code is still its asker's"
    );
    let (id, purchase) = (first.resolution.id, Uuid::now_v7());
    let ask = |c: &mut _, asker: &str, at| {
        resolutions::check_resolutions(c, &[(id, asker.to_owned())], at).unwrap().remove(0).map(|_| ())
    };
    assert_eq!(ask(c, "till-2", now), Err(ResolutionRefusal::Unknown));
    assert_eq!(ask(c, "till-1", now + TimeDelta::minutes(15)), Err(ResolutionRefusal::Expired));
    let asked = (id, "till-1".to_owned());
    let taken = resolutions::lock_resolutions(c, &[asked.clone(), asked], now).unwrap();
    assert!(taken[0].is_ok() && matches!(taken[1], Err(ResolutionRefusal::Used)));
    resolutions::use_resolutions(c, &[(id, purchase)], now).unwrap();
    assert_eq!(resolutions::find(c, &[id]).unwrap()[&id].resolution.used_by, Some(purchase));
    assert_eq!(ask(c, "till-1", now), Err(ResolutionRefusal::Used));
    assert_eq!(use_one(&mut union, &keys, code, "till-1"), Err(CodeRefusal::Used));
}

#[test]
fn a_resolved_code_itself_serves_its_asker_once() {
    let (mut union, keys, ids) = members(1);
    let card = virtual_card(&mut union, &keys, ids[0]);
    let now = union.now;
    let code = drawn(&mut union, &keys, &card, now);
    resolutions::resolve_code(&mut union.connection, &keys, code, "till-1", now).unwrap().unwrap();
    assert_eq!(use_one(&mut union, &keys, code, "till-2"), Err(CodeRefusal::Used));
    assert_eq!(use_one(&mut union, &keys, code, "till-1"), Ok(()));
    assert_eq!(use_one(&mut union, &keys, code, "till-1"), Err(CodeRefusal::Used));
    let bare = resolutions::resolve_number(&mut union.connection, card.id, "till-1", now).unwrap();
    assert!(!bare.is_live());
    let later = now + TimeDelta::days(2);
    assert_eq!(resolutions::sweep(&mut union.connection, later).unwrap(), 2);
}

#[test]
fn a_blocked_card_is_blocked_from_then_on() {
    let (mut union, keys, ids) = members(1);
    let card = virtual_card(&mut union, &keys, ids[0]);
    let now = union.now;
    let later = now + TimeDelta::hours(1);
    let why = Block { reason: BlockReason::Lost, by: "member".to_owned(), comment: None };
    let c = &mut union.connection;
    let blocked = life::block(c, card.id, &why, later).unwrap();
    assert_eq!(blocked.status, CardStatus::Blocked);
    assert_eq!(blocked.standing_at(now), Standing::Valid, "a purchase before is judged as of then");
    assert_eq!(blocked.standing_at(later), Standing::Blocked);
    let again = life::block(c, card.id, &Block { reason: BlockReason::Fraud, ..why.clone() }, now).unwrap();
    assert_eq!(again.block_reason, Some(BlockReason::Lost), "blocked once");
    let next = cards::issue(c, &keys, ids[0], CardKind::Virtual, now).unwrap();
    assert_ne!(next.number, card.number);
    assert_eq!(life::block_all(c, ids[0], &Block { reason: BlockReason::Left, ..why }, later).unwrap(), 1);
    assert_eq!(card.standing_at(now + TimeDelta::days(366 * 5)), Standing::Expired);
    let after = now + TimeDelta::days(366 * 5);
    let fresh = cards::issue(c, &keys, ids[0], CardKind::Virtual, now).unwrap();
    let renewed = cards::issue(c, &keys, ids[0], CardKind::Virtual, after).unwrap();
    assert_eq!(cards::find(c, fresh.id).unwrap().status, CardStatus::Expired);
    assert_eq!(renewed.status_at(after), CardStatus::Active);
}

#[test]
fn plastic_lost_on_its_way_into_a_hand_was_never_good() {
    let (mut union, keys, ids) = members(2);
    let (printed, c) = (union.now, &mut union.connection);
    let [day, week] = [1, 7].map(|days| printed + TimeDelta::days(days));
    let why = Block { reason: BlockReason::Stolen, by: "test".to_owned(), comment: None };
    let [lost, handed] = [ids[0], ids[1]].map(|member| {
        let card = cards::issue(c, &keys, member, CardKind::Plastic, printed).unwrap();
        life::advance(c, card.id, CardStatus::Issued, "test", printed).unwrap()
    });
    life::advance(c, handed.id, CardStatus::Active, "test", printed).unwrap();
    assert_eq!(lost.standing_at(day), Standing::Blocked);
    for (card, before) in [(lost, Standing::Blocked), (handed, Standing::Valid)] {
        let card = life::block(c, card.id, &why, week).unwrap();
        assert_eq!(card.standing_at(day), before);
        assert_eq!(card.standing_at(week), Standing::Blocked);
        let happened: Vec<_> = life::history_of(c, card.id).unwrap().iter().map(|e| e.event).collect();
        assert_eq!(happened[0], life::Happening::Issued, "its history still tells when it was made");
    }
}
