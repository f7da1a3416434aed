//! `serve`: the server with its threads, until it is told to stop.

use std::net::TcpListener;
use std::process::ExitCode;
use std::sync::Arc;

use super::Done;
use crate::app::App;
use crate::{jobs, server};

/// Serves until SIGTERM or SIGINT, then lets running requests end.
pub fn run(app: &Arc<App>) -> Done {
    let listener = TcpListener::bind(&app.settings.listen)?;
    server::background(app)?;
    jobs::start(app)?;
    actix_web::rt::System::new().block_on(async {
        let server = server::serve(app, listener)?;
        let handle = server.handle();
        tracing::info!(address = %app.settings.listen, "serving");
        let stopped = Arc::clone(app);
        actix_web::rt::spawn(async move {
            stop_signal().await;
            tracing::info!("stopping");
            stopped.stopping.send_replace(true);
            drop(stopped);
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
