//! What a process has used: the benchmark's own processor time, a program's memory and processor time while it runs.
#![allow(dead_code, reason = "each benchmark asks for what it needs")]

use std::process::Child;
use std::time::Duration;

/// `sysconf(_SC_CLK_TCK)` of every Linux.
const TICKS: f64 = 100.0;
/// How often a program is looked at; what is looked for only ever rises.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// What a program used until its end, as it was last seen.
pub struct Used {
    /// Most resident memory, in MB.
    pub memory: f64,
    /// Processor time, in seconds.
    pub cpu: f64,
}

/// Processor time this process has used, in seconds.
pub fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux tells it");
    cpu_of(&stat)
}

/// Processor time told by a `stat` of `/proc`: as itself, and by the kernel for it.
fn cpu_of(stat: &str) -> f64 {
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok());
    ticks.sum::<f64>() / TICKS
}

/// Waits for a program's good end; what it used.
pub fn watch(child: &mut Child) -> Used {
    let folder = format!("/proc/{}", child.id());
    let mut used = Used { memory: 0.0, cpu: 0.0 };
    loop {
        if let Ok(text) = std::fs::read_to_string(format!("{folder}/status"))
            && let Some(line) = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))
        {
            let kilobytes: f64 =
                line.trim().trim_end_matches(" kB").parse().expect("Linux writes a number of kB");
            used.memory = f64::max(used.memory, kilobytes / 1_000.0);
        }
        if let Ok(stat) = std::fs::read_to_string(format!("{folder}/stat")) {
            used.cpu = f64::max(used.cpu, cpu_of(&stat));
        }
        if let Some(status) = child.try_wait().expect("a child can be asked") {
            assert!(status.success(), "the program ended with {status}");
            return used;
        }
        std::thread::sleep(LOOK_EVERY);
    }
}
