//! Bytes on a plain socket, for HTTP that no client would send.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// What came back on a connection: the status of the first answer (0 when it was closed without one) and all bytes.
pub struct Raw {
    /// The first answer's status.
    pub status: u16,
    /// Everything received.
    pub bytes: Vec<u8>,
}

/// How long the other side may say nothing before it begins to answer.
const BEGINS: Duration = Duration::from_secs(30);

/// Sends bytes and reads until the other side closes, or has answered and is silent for `silence`.
pub fn exchange(address: SocketAddr, bytes: &[u8], silence: Duration) -> Raw {
    let mut stream = TcpStream::connect(address).expect("the server listens");
    stream.set_read_timeout(Some(BEGINS)).expect("a timeout can be set");
    // The server may refuse and close before it has read all; what it answered counts.
    let _ = stream.write_all(bytes);
    let mut received = Vec::new();
    let mut chunk = [0; 4_096];
    while let Ok(count) = stream.read(&mut chunk) {
        if count == 0 || received.len() > 1 << 20 {
            break;
        }
        received.extend_from_slice(&chunk[..count]);
        stream.set_read_timeout(Some(silence)).expect("a timeout can be set");
    }
    let head = String::from_utf8_lossy(&received);
    let status = head.split(' ').nth(1).and_then(|text| text.parse().ok()).unwrap_or(0);
    Raw { status, bytes: received }
}
