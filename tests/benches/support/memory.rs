//! How much memory this process has, in MB: the program's own in benchmarks that run it within themselves.
#![allow(dead_code, reason = "each benchmark asks for what it needs")]

/// Resident now.
pub fn resident() -> f64 {
    told("VmRSS")
}

/// Resident at most since the start.
pub fn resident_most() -> f64 {
    told("VmHWM")
}

fn told(name: &str) -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").expect("Linux tells");
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let kilobytes = line.map(|line| line.trim().trim_end_matches(" kB").parse::<f64>());
    kilobytes.and_then(Result::ok).expect("Linux writes a number of kB") / 1_000.0
}
