//! The real server with real members and cards, and clients that keep their connections.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use diesel::prelude::*;
use diesel::sql_types::{Text, Uuid as SqlUuid};
use harness::TestServer;
use shared_kernel::ids::MemberId;
use unioncard::files::imports::{self, ImportKind, ImportRequest};

use crate::{programme, union};

/// A server over a union whose members all have a virtual card and take part, and a partner's program.
pub struct Shop {
    server: TestServer,
    token: String,
    cards: Vec<String>,
}

/// Who buys.
#[derive(Debug, Clone, Copy)]
pub enum Buyers {
    /// Every member in turn.
    All,
    /// One and the same member.
    One,
}

#[derive(QueryableByName)]
struct Holder {
    #[diesel(sql_type = Text)]
    number: String,
    #[diesel(sql_type = SqlUuid)]
    member_id: MemberId,
}

impl Shop {
    /// Brings the members in as files, through the importer.
    pub fn new(members: usize) -> Self {
        let server = harness::server();
        let folder = server.folder().to_owned();
        let files = union::write(&folder, (members / 25).max(100), members);
        let now = server.app.now();
        for (kind, file) in
            [(ImportKind::Organisations, files.organisations), (ImportKind::Members, files.members)]
        {
            let rejected = imports::rejected_beside(&file);
            let request =
                ImportRequest { kind, file, rejected, notify: false, within: None, by: "program".to_owned() };
            let report = imports::run(&server.app, &request, now).expect("the file can be taken");
            assert_eq!(report.read, report.created, "{report:?}");
        }
        let mut connection = server.connect();
        let holders: Vec<Holder> =
            diesel::sql_query("SELECT number, member_id FROM cards.cards WHERE kind = 'virtual'")
                .load(&mut connection)
                .expect("the cards can be read");
        let ids: Vec<MemberId> = holders.iter().map(|holder| holder.member_id).collect();
        programme::enrol(&mut connection, &ids, now);
        let partner = server.partner("shop", &["shop-1"]);
        crate::rules::approve(&mut connection, "shop", now);
        let form = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}",
            partner.client_id, partner.client_secret
        );
        let kind = [("content-type", "application/x-www-form-urlencoded")];
        let answer =
            server.client().send("POST", "/v1/oauth/token", &kind, form.as_bytes()).expect(200).json();
        let token = answer["access_token"].as_str().expect("a token").to_owned();
        Self { server, token, cards: holders.into_iter().map(|holder| holder.number).collect() }
    }

    /// So many connections.
    pub fn tills(&self, count: usize) -> Vec<Till> {
        (0..count).map(|_| Till::new(self.server.address())).collect()
    }

    /// Posts one purchase by the number of a member's card and waits for its answer; whether it was posted, or is to be
    /// tried later.
    pub fn buy(&self, till: &mut Till, buyers: Buyers, number: u64) -> bool {
        let body = self.purchase(buyers, number);
        till.exchange(&self.token, "/v1/purchases", &body)
    }

    /// Posts many in one request.
    pub fn buy_many(&self, till: &mut Till, numbers: std::ops::Range<u64>) {
        let count = numbers.end - numbers.start;
        let purchases: Vec<String> = numbers.map(|number| self.purchase(Buyers::All, number)).collect();
        let body = format!(r#"{{"purchases":[{}]}}"#, purchases.join(","));
        assert!(till.exchange(&self.token, "/v1/purchases/batch", &body), "a batch is taken");
        let posted = till.received.windows(12).filter(|part| part == br#""status":201"#).count();
        assert_eq!(posted as u64, count, "every one is posted");
    }

    fn purchase(&self, buyers: Buyers, number: u64) -> String {
        let buyer = match buyers {
            Buyers::All => (number as usize).wrapping_mul(7_919) % self.cards.len(),
            Buyers::One => 0,
        };
        let card = &self.cards[buyer];
        let kopecks = programme::kopecks_of(number);
        let at = self.server.app.now().to_rfc3339();
        format!(
            r#"{{"card_number":"{card}","outlet":"shop-1","receipt":"R-{number:09}","occurred_at":"{at}","amount":"{}.{:02}"}}"#,
            kopecks / 100,
            kopecks % 100
        )
    }
}

/// One client with its connection and how long each of its purchases took.
pub struct Till {
    stream: TcpStream,
    received: Vec<u8>,
    /// One a purchase.
    pub waited: Vec<Duration>,
    /// How often the server asked to come back later.
    pub later: usize,
}

impl Till {
    fn new(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the server listens");
        stream.set_nodelay(true).expect("a socket can be set up");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a socket can be set up");
        Self { stream, received: Vec::new(), waited: Vec::new(), later: 0 }
    }

    /// Whether it was taken; 503 with `Retry-After` is the one other answer allowed.
    fn exchange(&mut self, token: &str, path: &str, body: &str) -> bool {
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let started = Instant::now();
        self.stream.write_all(request.as_bytes()).expect("the server reads");
        self.received.clear();
        let whole = loop {
            let mut chunk = [0; 65_536];
            let count = self.stream.read(&mut chunk).expect("the server answers");
            assert!(count > 0, "the server closed: {}", String::from_utf8_lossy(&self.received));
            self.received.extend_from_slice(&chunk[..count]);
            if let Some(length) = length_of(&self.received)
                && self.received.len() >= length
            {
                break length;
            }
        };
        let answer = &self.received[..whole];
        let text = || String::from_utf8_lossy(answer).to_ascii_lowercase();
        if answer.starts_with(b"HTTP/1.1 503") && text().contains("retry-after:") {
            self.later += 1;
            std::thread::sleep(Duration::from_millis(50));
            return false;
        }
        assert!(answer.starts_with(b"HTTP/1.1 20"), "{}", text());
        self.waited.push(started.elapsed());
        true
    }
}

/// How long the answer is, head and body, once its head is there.
fn length_of(received: &[u8]) -> Option<usize> {
    let head = received.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&received[..head]).to_ascii_lowercase();
    let body = text.split("\r\n").find_map(|line| line.strip_prefix("content-length:"))?;
    let body: usize = body.trim().parse().expect("a content-length is a number");
    Some(head + body)
}
