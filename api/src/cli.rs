//! The commands. Reports are JSON on stdout, alone; progress and logs go to stderr.

mod admin;

use std::net::TcpListener;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use shared_kernel::clock::Clock;

use crate::app::App;
use crate::config::Settings;
use crate::{server, telemetry};

/// The electronic trade-union card and cashback platform.
#[derive(Debug, Parser)]
#[command(name = "unioncard", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Apply pending migrations, serve the API and the pages, run the jobs.
    Serve {
        /// Address and port; LISTEN unless said.
        #[arg(long)]
        listen: Option<String>,
    },
    /// Logins, partners and their API clients.
    #[command(subcommand)]
    Admin(admin::Admin),
}

type BoxError = Box<dyn std::error::Error>;

/// Runs the command of the process' arguments.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let mut settings = match Settings::read() {
        Ok(settings) => settings,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    if let Command::Serve { listen: Some(listen) } = &arguments.command {
        settings.listen.clone_from(listen);
    }
    telemetry::start_logging(settings.log_format);
    let app = match App::open(settings, Clock::system()) {
        Ok(app) => app,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    let done = match arguments.command {
        Command::Serve { .. } => serve(&app),
        Command::Admin(command) => admin::run(&app, command),
    };
    app.leave();
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

/// Serves until SIGTERM or SIGINT, then lets running requests end.
fn serve(app: &Arc<App>) -> Result<ExitCode, BoxError> {
    let listener = TcpListener::bind(&app.settings.listen)?;
    server::background(app)?;
    actix_web::rt::System::new().block_on(async {
        let server = server::serve(app, listener)?;
        let handle = server.handle();
        tracing::info!(address = %app.settings.listen, "serving");
        actix_web::rt::spawn(async move {
            stop_signal().await;
            tracing::info!("stopping");
            handle.stop(true).await;
        });
        server.await
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn stop_signal() {
    use actix_web::rt::signal::unix::{SignalKind, signal};
    let terminate = signal(SignalKind::terminate());
    let interrupt = signal(SignalKind::interrupt());
    match (terminate, interrupt) {
        (Ok(mut terminate), Ok(mut interrupt)) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        }
        _ => std::future::pending().await,
    }
}
