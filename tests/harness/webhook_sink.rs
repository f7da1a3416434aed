//! A receiver of webhooks on the loopback: keeps what comes, answers as told, and checks signatures with `openssl`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::PATIENCE;

/// How the receiver answers.
#[derive(Debug, Clone)]
pub enum Behaviour {
    /// With a status and headers (`name: value`).
    Answers(u16, Vec<String>),
    /// A byte of the head every second.
    DripsHead,
    /// 200, then a byte of the body every second.
    DripsBody,
    /// 200, then a body without an end.
    NeverEnds,
    /// Closes without a word.
    HangsUp,
}

/// A message as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The path asked for.
    pub path: String,
    /// `webhook-id`
    pub id: String,
    /// `webhook-timestamp`, in seconds.
    pub timestamp: i64,
    /// `webhook-signature`
    pub signature: String,
    /// The body.
    pub body: String,
}

/// A running receiver; ends with the test run.
pub struct WebhookSink {
    address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
    behaviour: Arc<Mutex<Behaviour>>,
}

/// Starts a receiver that answers 204.
pub fn webhook_sink() -> WebhookSink {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound socket has an address");
    let behaviour = Arc::new(Mutex::new(Behaviour::Answers(204, Vec::new())));
    let sink = WebhookSink { address, received: Arc::default(), behaviour };
    let (received, behaviour) = (Arc::clone(&sink.received), Arc::clone(&sink.behaviour));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (received, behaviour) = (Arc::clone(&received), Arc::clone(&behaviour));
            std::thread::spawn(move || converse(stream, &received, &behaviour));
        }
    });
    sink
}

impl WebhookSink {
    /// An address of it.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Answers so from now on.
    pub fn behave(&self, behaviour: Behaviour) {
        *self.behaviour.lock().expect("no panic holds this lock") = behaviour;
    }

    /// What came, oldest first.
    pub fn received(&self) -> Vec<Received> {
        self.received.lock().expect("no panic holds this lock").clone()
    }

    /// What came, once there is so much.
    #[track_caller]
    pub fn wait_for(&self, count: usize) -> Vec<Received> {
        let until = Instant::now() + PATIENCE;
        loop {
            let received = self.received();
            if received.len() >= count {
                return received;
            }
            assert!(Instant::now() < until, "{} of {count} webhooks came", received.len());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Received {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("a webhook's body is JSON")
    }

    /// Whether one of its signatures is this secret's.
    pub fn is_signed_with(&self, secret: &str) -> bool {
        let key = secret.strip_prefix("whsec_").expect("a secret begins with whsec_");
        let key: String = openssl(&["base64", "-d", "-A"], key.as_bytes())
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let key = format!("hexkey:{key}");
        let signed = format!("{}.{}.{}", self.id, self.timestamp, self.body);
        let mac =
            openssl(&["dgst", "-sha256", "-mac", "HMAC", "-macopt", &key, "-binary"], signed.as_bytes());
        let mac = String::from_utf8(openssl(&["base64", "-A"], &mac)).expect("base64 is ASCII");
        self.signature.split(' ').any(|signature| signature == format!("v1,{mac}"))
    }
}

fn openssl(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut running = Command::new("openssl")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("openssl is installed");
    running.stdin.take().expect("it is piped").write_all(input).expect("openssl reads its input");
    let output = running.wait_with_output().expect("openssl ends");
    assert!(output.status.success(), "openssl {arguments:?}");
    output.stdout
}

/// Requests of one connection; the client going away ends it.
fn converse(stream: TcpStream, received: &Mutex<Vec<Received>>, behaviour: &Mutex<Behaviour>) -> Option<()> {
    let mut answers = stream.try_clone().ok()?;
    let mut reader = BufReader::new(stream);
    loop {
        let message = read(&mut reader)?;
        // Read first: whoever hears of the message may say how the next is to be answered.
        let behaviour = behaviour.lock().expect("no panic holds this lock").clone();
        received.lock().expect("no panic holds this lock").push(message);
        let mut drip = |text: &str| {
            for byte in text.bytes().cycle() {
                answers.write_all(&[byte]).ok()?;
                std::thread::sleep(Duration::from_secs(1));
            }
            Some(())
        };
        match behaviour {
            Behaviour::HangsUp => return None,
            Behaviour::DripsHead => drip("HTTP/1.1 200 OK and so on and so on ")?,
            Behaviour::Answers(status, headers) => {
                let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
                let head = format!("HTTP/1.1 {status} So\r\nContent-Length: 0\r\n{headers}\r\n");
                answers.write_all(head.as_bytes()).ok()?;
            }
            Behaviour::DripsBody => {
                answers.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n").ok()?;
                let mut body = answers.try_clone().ok()?;
                while body.write_all(b"a").is_ok() {
                    std::thread::sleep(Duration::from_secs(1));
                }
                return None;
            }
            Behaviour::NeverEnds => {
                answers.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").ok()?;
                let chunk = format!("10000\r\n{}\r\n", "a".repeat(0x10000));
                while answers.write_all(chunk.as_bytes()).is_ok() {}
                return None;
            }
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Received> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut message =
        Received { path, id: String::new(), timestamp: 0, signature: String::new(), body: String::new() };
    let mut length = 0;
    loop {
        line.clear();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "webhook-id" => value.clone_into(&mut message.id),
            "webhook-timestamp" => message.timestamp = value.parse().ok()?,
            "webhook-signature" => value.clone_into(&mut message.signature),
            "content-length" => length = value.parse().ok()?,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    message.body = String::from_utf8(body).ok()?;
    Some(message)
}
