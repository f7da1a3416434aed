//! Logs without personal data, and metrics for Prometheus.

use std::sync::LazyLock;

use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry, TextEncoder};
use tracing_subscriber::EnvFilter;

use crate::config::LogFormat;

/// Starts logging to stderr. Levels come from `RUST_LOG`, `info` unless said.
pub fn start_logging(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second start (tests) keeps the first.
    let _ = match format {
        LogFormat::Json => builder.json().try_init(),
        LogFormat::Text => builder.with_ansi(false).try_init(),
    };
}

/// The program's metrics.
pub struct Metrics {
    registry: Registry,
    /// Requests by method, route pattern and status.
    pub requests: IntCounterVec,
    /// Seconds a request took, by route pattern.
    pub request_seconds: HistogramVec,
    /// Purchases by outcome of posting.
    pub purchases: IntCounterVec,
    /// Size of posting batches.
    pub posting_batch: HistogramVec,
    /// Events relayed out of the outbox, by kind.
    pub events: IntCounterVec,
    /// Webhooks sent, by how the try ended.
    pub webhooks: IntCounterVec,
    /// Wallets told that a pass changed, by kind and how the try ended.
    pub wallets: IntCounterVec,
}

/// The process' metrics; one registry a process, as Prometheus expects.
pub static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::new);

impl Metrics {
    fn new() -> Self {
        let registry = Registry::new();
        let counter = |name: &str, help: &str, labels: &[&str]| {
            let counter =
                IntCounterVec::new(Opts::new(name, help), labels).expect("a metric's name is a constant");
            registry.register(Box::new(counter.clone())).expect("each metric is registered once");
            counter
        };
        let histogram = |name: &str, help: &str, labels: &[&str], buckets: Vec<f64>| {
            let histogram = HistogramVec::new(HistogramOpts::new(name, help).buckets(buckets), labels)
                .expect("a metric's name is a constant");
            registry.register(Box::new(histogram.clone())).expect("each metric is registered once");
            histogram
        };
        let seconds = vec![0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0];
        let sizes = vec![1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0];
        Self {
            requests: counter(
                "unioncard_http_requests_total",
                "HTTP requests",
                &["method", "route", "status"],
            ),
            request_seconds: histogram(
                "unioncard_http_request_seconds",
                "Seconds a request took",
                &["route"],
                seconds,
            ),
            purchases: counter("unioncard_purchases_total", "Purchases by outcome", &["outcome"]),
            posting_batch: histogram(
                "unioncard_posting_batch_purchases",
                "Purchases in a posting batch",
                &["kind"],
                sizes,
            ),
            events: counter("unioncard_outbox_events_total", "Events relayed", &["kind"]),
            webhooks: counter("unioncard_webhooks_total", "Webhooks sent, by outcome", &["outcome"]),
            wallets: counter(
                "unioncard_wallet_updates_total",
                "Wallets told of changes, by kind and outcome",
                &["wallet", "outcome"],
            ),
            registry,
        }
    }

    /// The metrics in Prometheus' text format.
    pub fn render(&self) -> String {
        TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap_or_default()
    }
}
