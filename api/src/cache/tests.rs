//! The same tests for both sides, Redis' against a real server on a socket of its own.

use std::process::{Child, Command, Stdio};
use std::time::Instant;

use chrono::DateTime;

use super::*;

const LIMIT: Limit = Limit { name: "test", times: 3, window: Duration::from_secs(60) };

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).unwrap()
}

/// A Redis of this test alone; stopped when dropped.
struct Server {
    child: Child,
    folder: tempfile::TempDir,
}

impl Server {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let child = Self::spawn(&folder);
        Self { child, folder }
    }

    fn spawn(folder: &tempfile::TempDir) -> Child {
        let socket = folder.path().join("redis.sock");
        let child = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--unixsocket"])
            .arg(&socket)
            .arg("--dir")
            .arg(folder.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is installed");
        let started = Instant::now();
        while std::os::unix::net::UnixStream::connect(&socket).is_err() {
            assert!(started.elapsed() < Duration::from_secs(10), "redis-server does not answer");
            std::thread::sleep(Duration::from_millis(10));
        }
        child
    }

    fn cache(&self) -> Cache {
        Cache::open(Some(&format!("unix://{}/redis.sock", self.folder.path().display()))).unwrap()
    }

    fn stop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Already stopped is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn counts_by_subject_and_window(cache: &Cache) {
    for times in 1..=5 {
        assert_eq!(cache.count(LIMIT, "one", now()).await, times);
    }
    assert_eq!(cache.counted(LIMIT, "one", now()).await, 5);
    assert_eq!(cache.counted(LIMIT, "two", now()).await, 0);
    assert_eq!(cache.count(LIMIT, "two", now()).await, 1);
    let later = now() + chrono::TimeDelta::seconds(60);
    assert_eq!(cache.count(LIMIT, "one", later).await, 1);
}

async fn keeps_values_for_a_while(cache: &Cache) {
    assert_eq!(cache.get("name", now()).await, None);
    cache.set("name", b"\x00value", Duration::from_secs(60), now()).await;
    cache.set("name", b"\x01value", Duration::from_secs(60), now()).await;
    assert_eq!(cache.get("name", now()).await.as_deref(), Some(b"\x01value".as_slice()));
    assert_eq!(cache.get("other", now()).await, None);
    cache.set("large", &vec![0; VALUE_BYTES_MAX], Duration::from_secs(60), now()).await;
    assert_eq!(cache.get("large", now()).await.map(|value| value.len()), Some(VALUE_BYTES_MAX));
    cache.set("larger", &vec![0; VALUE_BYTES_MAX + 1], Duration::from_secs(60), now()).await;
    assert_eq!(cache.get("larger", now()).await, None);
}

async fn tells_live_news(publisher: &Live, reader: &Live) {
    let mut news = reader.subscribe();
    let member = MemberId::generate();
    let heard = async {
        loop {
            publisher.publish(member, &serde_json::json!({ "text": "one two" }));
            // The listener of another process may still be connecting.
            if let Ok(message) = tokio::time::timeout(Duration::from_millis(50), news.recv()).await {
                break message.unwrap();
            }
        }
    };
    let message = tokio::time::timeout(Duration::from_secs(10), heard).await.unwrap();
    assert_eq!((message.member, &*message.json), (member, r#"{"text":"one two"}"#));
}

#[actix_web::test]
async fn in_this_process() {
    let cache = Cache::open(None).unwrap();
    counts_by_subject_and_window(&cache).await;
    keeps_values_for_a_while(&cache).await;
    let live = Live::open(&cache).unwrap();
    tells_live_news(&live, &live).await;
}

#[actix_web::test]
async fn in_redis() {
    let server = Server::start();
    let cache = server.cache();
    counts_by_subject_and_window(&cache).await;
    keeps_values_for_a_while(&cache).await;
    let live = Live::open(&cache).unwrap();
    tells_live_news(&live, &live).await;
}

#[actix_web::test]
async fn redis_is_shared_between_processes() {
    let server = Server::start();
    let (one, other) = (server.cache(), server.cache());
    one.count(LIMIT, "subject", now()).await;
    assert_eq!(other.count(LIMIT, "subject", now()).await, 2);
    one.set("name", b"value", Duration::from_secs(60), now()).await;
    assert_eq!(other.get("name", now()).await.as_deref(), Some(b"value".as_slice()));
    let (publisher, reader) = (Live::open(&one).unwrap(), Live::open(&other).unwrap());
    tells_live_news(&publisher, &reader).await;
}

#[actix_web::test]
async fn one_message_is_heard_once_where_it_was_told() {
    let server = Server::start();
    let live = Live::open(&server.cache()).unwrap();
    let mut news = live.subscribe();
    std::thread::sleep(Duration::from_millis(300));
    live.publish(MemberId::generate(), &serde_json::json!({}));
    news.recv().await.unwrap();
    assert!(tokio::time::timeout(Duration::from_millis(300), news.recv()).await.is_err());
}

#[actix_web::test]
async fn without_redis_limits_go_on_where_they_were_and_nothing_waits_long() {
    let mut server = Server::start();
    let cache = server.cache();
    let live = Live::open(&cache).unwrap();
    assert_eq!(cache.count(LIMIT, "subject", now()).await, 1);
    server.stop();
    let started = Instant::now();
    assert_eq!(cache.count(LIMIT, "subject", now()).await, 2);
    assert_eq!(cache.get("name", now()).await, None);
    tells_live_news(&live, &live).await;
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    server.child = Server::spawn(&server.folder);
    std::thread::sleep(Duration::from_millis(1_100));
    assert_eq!(cache.count(LIMIT, "subject", now()).await, 3, "an empty Redis opens no limit");
}
