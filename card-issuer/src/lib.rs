//! One issuer, two kinds of card: virtual and plastic.
//!
//! | module | what it holds |
//! |---|---|
//! | [`number`] | the 16-digit card number: parsing, masking, numbers that cannot be guessed |
//! | [`code`] | the live code: 24 digits, drawn and judged without a database |
//! | [`keys`] | [`keys::IssuerKeys`], everything derived from the master key; made once, shared by all threads |
//! | [`numbering`] | key versions of numbers, and how many are left |
//! | [`cards`] | cards: issuing one, a family's, finding |
//! | [`life`] | what becomes of a card: states, blocking, reissuing, history |
//! | [`aliases`] | the other numbers a card answers to |
//! | [`bulk`] | a card for everybody who has none, a set at a time |
//! | [`orders`] | such a set asked for by an organisation, and how far it is |
//! | [`devices`] | what draws codes: the server, a phone, Google |
//! | [`presentation`] | live codes judged and used up inside the caller's transaction |
//! | [`resolutions`] | what a till was told about a card, good for one purchase |
//! | [`proof`] | the signed proof for tills without network |
//! | [`revocations`] | what such tills must refuse all the same |
//! | [`qr`], [`barcode`] | the pictures |
//! | [`face`] | the face of a plastic card: PNG and print-ready PDF |
//! | [`designs`] | how organisations' cards look |
//! | [`pass`] | cards in the wallets of phones |
//! | [`mod@print`] | plastic on its way: batches, bodies, what became of each |
//! | [`personalisation`], [`latin`] | what a plant writes on a card: rows, tracks, Latin names |
//!
//! Every function takes `&mut PgConnection`, values and `now`, and runs inside the caller's transaction when there is
//! one. Functions that write several tables open a transaction (or a savepoint) themselves.
//!
//! A purchase with a live code: [`presentation::lock_codes`] → decide → [`presentation::consume`] for the accepted
//! ones; a quote: [`presentation::check_codes`]. A code that its asker
//! resolved before counts as unused for that asker until the resolution has served a purchase. A purchase with a
//! resolution: [`resolutions::lock_resolutions`] → decide → [`resolutions::use_resolutions`]. Whether the card itself is
//! good is [`cards::Card::standing_at`], judged as of the purchase.

#![deny(clippy::float_arithmetic)]

pub mod aliases;
pub mod barcode;
pub mod bulk;
pub mod cards;
pub mod code;
pub mod designs;
pub mod devices;
mod error;
pub mod face;
pub mod keys;
pub mod latin;
pub mod life;
pub mod merging;
pub mod number;
pub mod numbering;
pub mod orders;
pub mod pass;
pub mod personalisation;
pub mod presentation;
pub mod print;
pub mod proof;
pub mod qr;
pub mod resolutions;
pub mod revocations;
#[allow(missing_docs, reason = "generated")]
pub mod schema;

pub use error::CardError;

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveTime, Utc};

/// Moscow's time, where no clock has been shifted since 2014.
const MOSCOW: FixedOffset = FixedOffset::east_opt(3 * 3_600).expect("three hours are within a day");

/// The union's calendar day of an instant.
pub(crate) fn day_of(at: DateTime<Utc>) -> NaiveDate {
    at.with_timezone(&MOSCOW).date_naive()
}

/// The instant at which a day of the union's calendar is over.
pub(crate) fn end_of(day: NaiveDate) -> DateTime<Utc> {
    let next = day.succ_opt().expect("cards end long before the calendar does").and_time(NaiveTime::MIN);
    next.and_local_timezone(MOSCOW).single().expect("a fixed offset has no gaps").to_utc()
}
