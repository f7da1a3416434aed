//! Passes for Apple Wallet a second on one core, their pictures drawn beforehand, beside the one RSA signature each needs.
#![allow(clippy::as_conversions, reason = "figures are rounded")]

#[path = "support/measure.rs"]
mod measure;

use std::time::Instant;

use card_issuer::face::Design;
use card_issuer::keys::IssuerKeys;
use card_issuer::number::CardNumber;
use card_issuer::numbering::Programme;
use card_issuer::pass::apple::pictures::Pictures;
use card_issuer::pass::apple::signing::Signer;
use card_issuer::pass::apple::{Pass, Standing, chain};
use chrono::{DateTime, NaiveDate, Utc};
use shared_kernel::ids::CardId;
use shared_kernel::money::Money;

use self::measure::{ROUNDS, Row, scaled};

/// Passes of a round.
const PASSES: u32 = 2_000;
/// The most a pass may take, in seconds.
const PASS_MAX: f64 = 0.005;

fn main() {
    let now: DateTime<Utc> = "2026-11-22T00:00:00Z".parse().expect("a time");
    let made = chain::made("pass.org.example.card", "TEAM012345", now).expect("keys can be drawn");
    let signer = Signer::from_pem(&made.certificate, &made.key, &made.intermediate, now).expect("a chain");
    let design = Design::default();
    let drawing = Instant::now();
    let pictures = Pictures::of(&design).expect("pictures are drawn into memory");
    let drawn = drawing.elapsed();
    let numbers = IssuerKeys::new(&[7; 32]).numbers(Programme::FIRST);
    let numbers: Vec<CardNumber> = (0..scaled(PASSES))
        .map(|place| numbers.number(place as i64).expect("a place of the programme"))
        .collect();
    let mut row = Row::new("a .pkpass, pictures kept", None);
    let (mut bytes, mut slowest) = (0, 0.0_f64);
    for _ in 0..ROUNDS {
        row.floor.push(rate(numbers.len(), || {
            for number in &numbers {
                signer.sign(number.as_str().as_bytes(), now).expect("the key was checked");
            }
        }));
        row.ours.push(rate(numbers.len(), || {
            for number in &numbers {
                let one = Instant::now();
                bytes = pass(*number, &design, now)
                    .package(&pictures, &signer, now)
                    .expect("a pass is packed into memory")
                    .len();
                slowest = slowest.max(one.elapsed().as_secs_f64());
            }
        }));
    }
    let each = 1.0 / measure::median(&row.ours);
    let verdict = if each <= PASS_MAX { "" } else { "missed: " };
    row.note = format!(
        "{verdict}{:.2} ms each (≤ {:.0} ms), slowest {:.2} ms, {} kB; pictures once {:.0} ms",
        each * 1_000.0,
        PASS_MAX * 1_000.0,
        slowest * 1_000.0,
        bytes / 1_000,
        drawn.as_secs_f64() * 1_000.0,
    );
    measure::print("Passes for Apple Wallet", "a bare RSA-2048 signature", &[row]);
}

fn pass<'a>(number: CardNumber, design: &'a Design, now: DateTime<Utc>) -> Pass<'a> {
    Pass {
        card: CardId::generate(),
        number,
        expires_on: NaiveDate::from_ymd_opt(2031, 11, 22).expect("a day"),
        ends_at: now,
        standing: Standing::Member,
        union: "Общероссийский профсоюз образования",
        design,
        available: Money::from_kopecks(143_783),
        pending: Money::from_kopecks(21_540),
        debt: Money::ZERO,
        tier: Some("Серебро"),
        expiring: None,
        service_url: "https://card.example.org/v1/apple",
        token: "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
        page_url: "https://card.example.org",
    }
}

fn rate(count: usize, work: impl FnOnce()) -> f64 {
    let started = Instant::now();
    work();
    count as f64 / started.elapsed().as_secs_f64()
}
