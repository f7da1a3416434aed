//! The program's own PostgreSQL: found again after `kill -9`, brought back when it is killed itself, gone after a
//! graceful stop.

use std::time::{Duration, Instant};

use harness::program;

#[test]
fn survives_a_killed_program_and_ends_with_a_stopped_one() {
    let folder = tempfile::tempdir().unwrap();
    let first = program::serve(folder.path());
    let before = program::postgres_process(folder.path()).expect("PostgreSQL runs");
    first.kill();
    assert_eq!(program::postgres_process(folder.path()), Some(before), "PostgreSQL outlives the program");
    let second = program::serve(folder.path());
    assert_eq!(
        program::postgres_process(folder.path()),
        Some(before),
        "it is found again, not started twice"
    );
    second.stop();
    assert_eq!(program::postgres_process(folder.path()), None, "the last to leave stops it");
}

#[test]
fn comes_back_when_it_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let serving = program::serve(folder.path());
    let before = program::postgres_process(folder.path()).expect("PostgreSQL runs");
    let process = nix::unistd::Pid::from_raw(i32::try_from(before).unwrap());
    nix::sys::signal::kill(process, nix::sys::signal::Signal::SIGKILL).unwrap();
    let started = Instant::now();
    loop {
        let running = program::postgres_process(folder.path());
        if running.is_some_and(|now| now != before) && serving.client().get("/health/ready").status == 200 {
            break;
        }
        assert!(started.elapsed() < harness::PATIENCE, "not ready again: {running:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
    serving.stop();
}
