//! The program `unioncard`.

fn main() -> std::process::ExitCode {
    unioncard::cli::run()
}
