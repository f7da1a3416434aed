//! Members by hand: admission, transfer, leaving; who was what on a day; searching and signing in.

use chrono::{DateTime, NaiveDate, Utc};
use shared_kernel::paging::Limit;
use union_registry::fields::RawMember;
use union_registry::members::{self, Changes, Contact, Search};
use union_registry::{MemberStatus, RegistryError, facts, memberships, organisations, statistics};

use crate::registry_support::{HEADER, Union, row};

fn anna() -> RawMember<'static> {
    RawMember {
        membership_number: "000000001",
        organisation_code: "P-1",
        last_name: "Фёдорова-Попова",
        first_name: "Анна",
        middle_name: "Ивановна",
        sex: "female",
        birth_date: "1980-05-01",
        phone: "8 900 123-45-67",
        email: "Anna@Example.org",
        category: "worker",
        position: "учитель",
        joined_on: "2019-09-01",
        consent_on: "2020-12-01",
    }
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn noon(text: &str) -> DateTime<Utc> {
    format!("{text}T09:00:00Z").parse().unwrap()
}

#[test]
fn history_answers_for_every_day() {
    let mut union = Union::with_organisations();
    let now = union.now;
    let member = members::admit(&mut union.connection, &union.sealer, &anna(), now).unwrap().person.id;
    let to = organisations::by_code(&mut union.connection, "P-3").unwrap().unwrap().organisation.id;
    let c = &mut union.connection;
    memberships::transfer(c, member, to, day("2024-01-10"), now).unwrap();
    memberships::suspend(c, member, (day("2025-01-10"), "взносы"), now).unwrap();
    memberships::resume(c, member, (day("2025-02-10"), ""), now).unwrap();
    memberships::leave(c, member, day("2026-01-10"), "", now).unwrap();
    let moments = [
        "2019-08-31",
        "2019-09-01",
        "2024-01-09",
        "2024-01-10",
        "2025-01-15",
        "2025-02-10",
        "2026-01-09",
        "2026-01-10",
    ];
    let asked: Vec<_> = moments.iter().map(|text| (member, noon(text))).collect();
    let told: Vec<_> = facts::facts_for_posting(c, &asked)
        .unwrap()
        .into_iter()
        .map(Option::unwrap)
        .map(|facts| (facts.status, facts.organisations.last().cloned().unwrap_or_default()))
        .collect();
    use MemberStatus::{Active, Left, Suspended};
    let expected = [
        (Left, ""),
        (Active, "P-1"),
        (Active, "P-1"),
        (Active, "P-3"),
        (Suspended, "P-3"),
        (Active, "P-3"),
        (Active, "P-3"),
        (Left, ""),
    ];
    assert_eq!(told, expected.map(|(status, code)| (status, code.to_owned())));
    let first = facts::facts_for_posting(c, &asked[1..2]).unwrap().remove(0).unwrap();
    assert_eq!(first.organisations, ["C-0", "R-1", "T-1", "P-1"]);
    let total = |c: &mut _, root, on| statistics::of_subtree(c, root, day(on)).unwrap().members.total;
    assert_eq!(total(c, "R-1", "2023-12-31"), 1);
    assert_eq!(total(c, "R-1", "2024-12-31"), 0);
    assert_eq!(total(c, "C-0", "2025-12-31"), 1);
    assert_eq!(total(c, "C-0", "2026-11-21"), 0);
    assert!(memberships::standing_at(c, &[member], noon("2025-01-15")).unwrap()[&member].0 == Suspended);
    memberships::readmit(c, member, to, (day("2026-11-21"), "ошибка"), now).unwrap();
    assert_eq!(memberships::history(c, member).unwrap().len(), 5);
    assert_eq!(members::find(c, member).unwrap().person.status, Active);
}

#[test]
fn what_cannot_happen_does_not() {
    let mut union = Union::with_organisations();
    let now = union.now;
    let sealer = union.sealer.clone();
    let c = &mut union.connection;
    let member = members::admit(c, &sealer, &anna(), now).unwrap().person;
    assert!(matches!(members::admit(c, &sealer, &anna(), now), Err(RegistryError::NumberTaken)));
    let stranger = RawMember { membership_number: "2", organisation_code: "P-9", phone: "x", ..anna() };
    assert!(matches!(members::admit(c, &sealer, &stranger, now), Err(RegistryError::Invalid(_))));
    let home = member.organisation_id;
    let (id, today) = (member.id, day("2026-11-21"));
    assert!(matches!(memberships::transfer(c, id, home, today, now), Err(RegistryError::WrongState(_))));
    let to = organisations::by_code(c, "P-2").unwrap().unwrap().organisation.id;
    for wrong in ["2026-11-22", "2019-08-31"] {
        assert!(matches!(memberships::transfer(c, id, to, day(wrong), now), Err(RegistryError::WrongDay(_))));
    }
    assert!(matches!(memberships::resume(c, id, (today, ""), now), Err(RegistryError::WrongState(_))));
    memberships::leave(c, id, today, "по заявлению", now).unwrap();
    assert!(matches!(memberships::transfer(c, id, to, today, now), Err(RegistryError::WrongState(_))));
    assert!(matches!(memberships::leave(c, id, today, "", now), Err(RegistryError::WrongState(_))));
    assert_eq!(memberships::history(c, id).unwrap().len(), 1, "what was refused left no trace");
    let file = format!("{HEADER}{}", row("000000001", "P-2", "Иванова"));
    let (_, _, refused) = union.members(file.as_bytes()).unwrap();
    assert_eq!(refused[0].1, ["member_left"]);
}

#[test]
fn members_are_found_by_anything_and_text_is_literal() {
    let mut union = Union::with_organisations();
    let now = union.now;
    members::admit(&mut union.connection, &union.sealer, &anna(), now).unwrap();
    let rest: String = (2..30).map(|n| row(&format!("{n:09}"), "P-3", "Смирнова")).collect();
    let odd = row("000000030", "P-2", "100%_О'Коннор");
    union.members(format!("{HEADER}{rest}{odd}").as_bytes()).unwrap();
    let sealer = union.sealer.clone();
    let c = &mut union.connection;
    let find = |c: &mut _, text: &str, within: Option<&str>| {
        let search = Search { text: Some(text.to_owned()), within: within.map(str::to_owned), status: None };
        members::search(c, &sealer, &search, None, Limit::new(200).unwrap()).unwrap().items.len()
    };
    for text in ["ФЕДОРОВА", "анна фёд", "попова ива ан", "000000001", "8(900)1234567", "ANNA@example.org"]
    {
        assert_eq!(find(c, text, None), 1, "{text}");
    }
    assert_eq!(find(c, "смир", None), 28);
    assert_eq!(find(c, "смир", Some("R-1")), 0, "another's subtree");
    assert_eq!(
        (find(c, "100%", None), find(c, "%", None), find(c, "_", None), find(c, "о'к", None)),
        (1, 0, 0, 0)
    );
    assert_eq!(find(c, "' | ''", None), 0);
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page =
            members::search(c, &sealer, &Search::default(), after.as_ref(), Limit::new(7).unwrap()).unwrap();
        seen.extend(page.items.iter().map(|member| member.person.id));
        match page.next {
            Some(key) => after = Some(key),
            None => break,
        }
    }
    let distinct: std::collections::HashSet<_> = seen.iter().collect();
    assert_eq!((seen.len(), distinct.len()), (30, 30));
    let listed = organisations::list(
        c,
        &organisations::Filter { query: Some("_область 100%".to_owned()), ..Default::default() },
        None,
        Limit::DEFAULT,
    )
    .unwrap();
    assert_eq!(listed.items.len(), 1);
    assert_eq!((listed.items[0].members, listed.items[0].children), (28, 1));
}

#[test]
fn contacts_are_sealed_changed_and_signed_in_with() {
    let mut union = Union::with_organisations();
    let now = union.now;
    let sealer = union.sealer.clone();
    let c = &mut union.connection;
    let id = members::admit(c, &sealer, &anna(), now).unwrap().person.id;
    let twin = RawMember { membership_number: "000000002", first_name: "Вера", ..anna() };
    members::admit(c, &sealer, &twin, now).unwrap();
    let signing_in = |c: &mut _, contact| members::by_contact(c, &sealer, contact).unwrap().len();
    assert_eq!(signing_in(c, Contact::Email(" ANNA@example.org")), 2, "a shared address signs in either");
    assert_eq!(signing_in(c, Contact::Phone("+7 900 1234567")), 2);
    assert_eq!(signing_in(c, Contact::Email("nobody@example.org")), 0);
    let changes = Changes {
        email: Some("new@example.org"),
        phone: Some(""),
        last_name: Some("Белова"),
        ..Changes::default()
    };
    let changed = members::update(c, &sealer, id, &changes, now).unwrap();
    assert_eq!(changed.person.last_name, "Белова");
    let contacts = changed.person.contacts(&sealer).unwrap();
    assert_eq!((contacts.phone, contacts.email.as_deref()), (None, Some("new@example.org")));
    assert_eq!(signing_in(c, Contact::Phone("+79001234567")), 1);
    let bad = Changes { email: Some("почта@@example"), category: Some("wizard"), ..Changes::default() };
    assert!(
        matches!(members::update(c, &sealer, id, &bad, now), Err(RegistryError::Invalid(f)) if f.len() == 2)
    );
    memberships::leave(c, id, day("2026-11-21"), "", now).unwrap();
    assert_eq!(signing_in(c, Contact::Email("new@example.org")), 0, "who left signs in no more");
}
