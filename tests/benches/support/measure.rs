//! What every benchmark does alike: sizes by `SCALE`, rounds that alternate, medians, one table.

/// Rounds of each measurement; the thing and its floor take turns in each.
pub const ROUNDS: usize = 3;

/// The environment's `SCALE`: what the usual sizes are multiplied by; 1 unless said.
pub fn scale() -> f64 {
    let Ok(text) = std::env::var("SCALE") else { return 1.0 };
    let scale: f64 = text.parse().unwrap_or_else(|_| panic!("SCALE is a number, not {text}"));
    assert!(scale.is_finite() && scale > 0.0 && scale <= 100.0, "SCALE lies between 0 and 100, not {text}");
    scale
}

/// A usual size times `SCALE`, at least 1,000.
pub fn scaled(count: u32) -> usize {
    ((f64::from(count) * scale()).round() as usize).max(1_000)
}

/// One line of the table.
pub struct Row {
    /// What was measured.
    pub what: String,
    /// Its figures, one a round, per second.
    pub ours: Vec<f64>,
    /// The floor's figures of the same rounds.
    pub floor: Vec<f64>,
    /// The least ratio to reach, where one is asked for.
    pub target: Option<f64>,
    /// Anything else worth knowing.
    pub note: String,
}

impl Row {
    /// A row without figures yet.
    pub fn new(what: impl Into<String>, target: Option<f64>) -> Self {
        Self { what: what.into(), ours: Vec::new(), floor: Vec::new(), target, note: String::new() }
    }
}

/// The middle one.
pub fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Prints the medians, their ratio and the target.
pub fn print(title: &str, floor: &str, rows: &[Row]) {
    println!("\n{title}, beside {floor}: per second, medians of {ROUNDS} rounds, SCALE {}", scale());
    println!("{:<34} {:>9} {:>9} {:>6} {:>7}  note", "", "ours", "floor", "ratio", "target");
    for row in rows {
        let (ours, floor) = (median(&row.ours), median(&row.floor));
        let ratio = ours / floor;
        let target = row.target.map_or_else(String::new, |target| format!(">={target:.2}"));
        let missed = if row.target.is_some_and(|target| ratio < target) { "missed  " } else { "" };
        println!("{:<34} {ours:>9.0} {floor:>9.0} {ratio:>6.2} {target:>7}  {missed}{}", row.what, row.note);
    }
}
