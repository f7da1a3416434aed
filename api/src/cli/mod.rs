//! The commands. Reports are JSON on stdout, alone; progress and logs go to stderr.

mod admin;
mod demo;
mod files;
mod jobs;
mod keys;
mod plastic;
mod serve;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use serde::Serialize;
use shared_kernel::clock::Clock;

use crate::app::App;
use crate::config::Settings;
use crate::files::imports::ImportKind;
use crate::telemetry;

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
    /// Serve over a small union, brought in on first use.
    Demo {
        /// Address and port; LISTEN unless said.
        #[arg(long)]
        listen: Option<String>,
    },
    /// Bring in organisations, members or other numbers of cards from CSV or XLSX.
    Import {
        /// What the file holds.
        #[arg(value_parser = |text: &str| text.parse::<ImportKind>().map_err(|error| error.to_string()))]
        kind: ImportKind,
        /// The file.
        file: PathBuf,
        /// Mail the new members their card.
        #[arg(long)]
        notify: bool,
    },
    /// Issue cards.
    #[command(subcommand)]
    Cards(CardsCommand),
    /// Partners' registers of purchases.
    #[command(subcommand)]
    Registers(RegistersCommand),
    /// Nightly jobs.
    #[command(subcommand)]
    Jobs(JobsCommand),
    /// The ledger.
    #[command(subcommand)]
    Ledger(LedgerCommand),
    /// Logins and API clients.
    #[command(subcommand)]
    Admin(admin::Admin),
    /// The master key's versions.
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Print the OpenAPI document.
    Openapi,
}

#[derive(Debug, Subcommand)]
enum CardsCommand {
    /// A card for every active member of a subtree who has none of the kind.
    Issue {
        /// Which card.
        #[arg(long)]
        kind: CardKindArgument,
        /// The code of the subtree's root.
        #[arg(long)]
        organisation: String,
    },
    /// The personalisation files for the plastic cards that wait to be printed.
    PrintBatch {
        /// The code of the subtree's root.
        #[arg(long)]
        organisation: String,
        /// The folder they go to; a batch that finds another there takes a folder of its own in it.
        #[arg(long)]
        out: PathBuf,
        /// Dots an inch of the faces: 300 or 600.
        #[arg(long, default_value_t = 300)]
        dpi: u32,
    },
    /// Open the next pair of digits, with a key of its own, from which new numbers come from now on. Numbers given
    /// before stay good.
    OpenProgramme,
}

/// A kind of card, as an argument.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum CardKindArgument {
    /// In the phone.
    Virtual,
    /// In the wallet.
    Plastic,
}

#[derive(Debug, Subcommand)]
enum RegistersCommand {
    /// Load a partner's register: compare it with the ledger, or post what is missing too.
    Load {
        /// The partner's code.
        #[arg(long)]
        partner: String,
        /// The file.
        file: PathBuf,
        /// `post` what is missing, or only `compare`.
        #[arg(long, default_value = "post", value_parser = ["post", "compare"])]
        mode: String,
        /// Rows may be older, and carry `membership_number` instead of `card_number`.
        #[arg(long)]
        history: bool,
    },
}

#[derive(Debug, Subcommand)]
enum JobsCommand {
    /// Run a job once; harmless when it has run.
    Run {
        /// Which.
        name: crate::jobs::Job,
        /// As of when it judges, RFC 3339; now unless said.
        #[arg(long)]
        at: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
enum LedgerCommand {
    /// Check everything that must always hold.
    Verify {
        /// From this closed day on; those before it are taken as they were closed.
        #[arg(long)]
        since: Option<chrono::NaiveDate>,
    },
}

/// Why a command did not do what it was asked, for a person.
pub(crate) type BoxError = Box<dyn std::error::Error>;
/// What a command ended with.
pub(crate) type Done = Result<ExitCode, BoxError>;

/// Runs the command of the process' arguments.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    if matches!(arguments.command, Command::Openapi) {
        print!("{}", crate::openapi::json());
        return ExitCode::SUCCESS;
    }
    match open(&arguments.command) {
        Ok(app) => {
            let done = dispatch(&app, arguments.command);
            app.leave();
            done.unwrap_or_else(|error| {
                eprintln!("{error}");
                ExitCode::from(2)
            })
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn open(command: &Command) -> Result<std::sync::Arc<App>, BoxError> {
    let mut settings = Settings::read()?;
    if let Command::Serve { listen: Some(listen) } | Command::Demo { listen: Some(listen) } = command {
        settings.listen.clone_from(listen);
    }
    telemetry::start_logging(settings.log_format);
    Ok(App::open(settings, Clock::system())?)
}

fn dispatch(app: &std::sync::Arc<App>, command: Command) -> Done {
    match command {
        Command::Serve { .. } => serve::run(app),
        Command::Demo { .. } => {
            demo::prepare(app)?;
            serve::run(app)
        }
        Command::Import { kind, file, notify } => files::import(app, kind, file, notify),
        Command::Cards(CardsCommand::Issue { kind, organisation }) => {
            files::issue_cards(app, kind, &organisation)
        }
        Command::Cards(CardsCommand::PrintBatch { organisation, out, dpi }) => {
            plastic::print_batch(app, &organisation, &out, dpi)
        }
        Command::Cards(CardsCommand::OpenProgramme) => files::open_programme(app),
        Command::Registers(RegistersCommand::Load { partner, file, mode, history }) => {
            files::load_register(app, &partner, &file, (&mode, history))
        }
        Command::Jobs(JobsCommand::Run { name, at }) => jobs::run(app, name, at.as_deref()),
        Command::Ledger(LedgerCommand::Verify { since }) => jobs::verify(app, since),
        Command::Admin(command) => admin::run(app, command),
        Command::Keys(command) => keys::run(app, &command),
        Command::Openapi => Ok(ExitCode::SUCCESS),
    }
}

/// Prints a report: JSON on stdout, alone.
pub(crate) fn print(report: &impl Serialize) -> Result<(), serde_json::Error> {
    println!("{}", serde_json::to_string_pretty(report)?);
    Ok(())
}
