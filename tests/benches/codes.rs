//! Live codes checked, and pictures of codes drawn, a second on one core: without a database.
#![allow(clippy::as_conversions, reason = "a benchmark's figures are rounded")]

#[path = "support/measure.rs"]
mod measure;

use std::hint::black_box;
use std::time::Instant;

use card_issuer::code::{self, PresentedCode, Verdict};
use card_issuer::devices::DeviceId;
use card_issuer::keys::IssuerKeys;
use card_issuer::numbering::Programme;
use card_issuer::{proof, qr};
use chrono::TimeDelta;
use qrcode::{EcLevel, QrCode};
use shared_kernel::clock::Clock;

use self::measure::{ROUNDS, Row, scaled};

const CHECKS: u32 = 200_000;
/// Codes told from no code are fewer: each is held against a day of steps.
const WRONG_PART: usize = 100;
const PICTURES: u32 = 5_000;
/// The device's key version in these figures.
const VERSION: i16 = 1;

fn main() {
    checks();
    pictures();
}

/// Calls a second.
fn rate<T>(count: usize, mut work: impl FnMut(usize) -> T) -> f64 {
    let started = Instant::now();
    for place in 0..count {
        black_box(work(place));
    }
    count as f64 / started.elapsed().as_secs_f64()
}

/// A code judged as a till's is: the device's secret derived, then compared with the steps around now.
fn checks() {
    let keys = IssuerKeys::new(&[7; 32]);
    let now = Clock::system().now();
    let numbers = keys.numbers(Programme::FIRST);
    let cards: Vec<_> = (0..1_000).filter_map(|place| numbers.number(place)).collect();
    let shown: Vec<(DeviceId, [PresentedCode; 3])> = cards
        .iter()
        .map(|number| {
            let device = DeviceId::generate();
            let secret = keys.device_secret(device, VERSION).expect("it is there");
            let at = |time| {
                let drawn = code::live_code(&secret, *number, time);
                PresentedCode::parse(&drawn.value).expect("we drew it")
            };
            (device, [at(now), at(now - TimeDelta::hours(1)), at(now - TimeDelta::days(2))])
        })
        .collect();
    let floor_secret = keys.device_secret(DeviceId::generate(), VERSION).expect("it is there");
    let mut right = Row::new("a right code (at least 200,000)", None);
    let mut late = Row::new("an hour old: 121 steps", None);
    let steps = code::BACK_STEPS + 1 + code::AHEAD_STEPS;
    let mut wrong = Row::new(format!("no code of the card: {steps} steps"), None);
    let judged = |(device, code): (DeviceId, &PresentedCode)| {
        code::classify(&keys.device_secret(device, VERSION).expect("it is there"), code, None, now)
    };
    for _ in 0..ROUNDS {
        let count = scaled(CHECKS);
        let of = |place: usize| shown.get(place % shown.len()).expect("within its length");
        right.ours.push(rate(count, |place| {
            let (device, [code, ..]) = of(place);
            assert!(matches!(judged((*device, code)), Verdict::Valid { .. }));
        }));
        late.ours.push(rate(count / 10, |place| {
            let (device, [_, code, _]) = of(place);
            assert!(matches!(judged((*device, code)), Verdict::Expired));
        }));
        // One in 34,000 is a code of the day by chance.
        wrong.ours.push(rate(count / WRONG_PART, |place| {
            let (device, [.., code]) = of(place);
            assert!(matches!(judged((*device, code)), Verdict::Wrong | Verdict::Expired | Verdict::ClockOff));
        }));
        let floor = rate(count, |place| floor_secret.digits_at(i64::try_from(place).unwrap_or_default()));
        for row in [&mut right, &mut late, &mut wrong] {
            row.floor.push(floor);
        }
    }
    measure::print("Live codes checked on one core", "one TOTP of a known secret", &[right, late, wrong]);
}

/// The same text as a bare matrix of modules, as SVG and as PNG.
fn pictures() {
    let keys = IssuerKeys::new(&[7; 32]);
    let now = Clock::system().now();
    let number = keys.numbers(Programme::FIRST).number(0).expect("the first number");
    let code = code::live_code(
        &keys.device_secret(DeviceId::generate(), VERSION).expect("it is there"),
        number,
        now,
    )
    .value;
    let (proof, _) = proof::give(&keys, number, now + TimeDelta::days(1), now);
    let mut rows = Vec::new();
    for (what, text) in [("live code", &code), ("proof", &proof)] {
        let mut svg = Row::new(format!("{what}: SVG"), Some(1.0 / 1.3));
        let mut png = Row::new(format!("{what}: PNG of 400 px"), Some(1.0 / 1.5));
        for _ in 0..ROUNDS {
            let count = scaled(PICTURES);
            let bare = || QrCode::with_error_correction_level(text, EcLevel::M).expect("it fits").to_colors();
            for row in [&mut svg, &mut png] {
                row.floor.push(rate(count, |_| bare()));
            }
            svg.ours.push(rate(count, |_| qr::svg(text).expect("it fits")));
            png.ours.push(rate(count, |_| qr::png(text, 400).expect("it fits")));
        }
        png.note = format!("{} bytes", qr::png(text, 400).expect("it fits").len());
        svg.note = format!("{} bytes", qr::svg(text).expect("it fits").len());
        rows.extend([svg, png]);
    }
    measure::print("Pictures of codes on one core", "the bare matrix of `qrcode`", &rows);
}
