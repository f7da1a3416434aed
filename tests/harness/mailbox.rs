//! Letters as their reader sees them: from the files of a server without SMTP, or from a mail server of our own.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use mail_parser::{MessageParser, MimeHeaders};

use crate::PATIENCE;

/// A letter, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// To whom.
    pub to: String,
    /// The subject.
    pub subject: String,
    /// The plain form.
    pub text: String,
    /// The HTML form.
    pub html: String,
    /// Parts named by the HTML form: name, type, content.
    pub parts: Vec<(String, String, Vec<u8>)>,
}

impl Mail {
    /// Decodes a letter.
    pub fn parse(bytes: &[u8]) -> Self {
        let message = MessageParser::default().parse(bytes).expect("a letter is a MIME message");
        let to = message.to().and_then(|to| to.first()).and_then(|to| to.address()).unwrap_or_default();
        let parts = message.attachments().filter_map(|part| {
            let kind = part.content_type()?;
            let kind = format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or_default());
            Some((part.content_id()?.to_owned(), kind, part.contents().to_vec()))
        });
        Self {
            to: to.to_owned(),
            subject: message.subject().unwrap_or_default().to_owned(),
            text: message.body_text(0).unwrap_or_default().into_owned(),
            html: message.body_html(0).unwrap_or_default().into_owned(),
            parts: parts.collect(),
        }
    }

    /// The first six digits of the plain form.
    pub fn code(&self) -> String {
        self.code_within().expect("the letter has a code")
    }

    /// The same of a letter that may have none.
    pub fn code_within(&self) -> Option<String> {
        let mut runs = self.text.split(|c: char| !c.is_ascii_digit());
        runs.find(|run| run.len() == 6).map(str::to_owned)
    }
}

/// The letters in a folder, oldest first.
pub fn letters(folder: &Path) -> Vec<Mail> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("a folder can be read").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "eml"))
        .collect();
    files.sort();
    files.iter().map(|file| Mail::parse(&std::fs::read(file).expect("a letter can be read"))).collect()
}

/// Waits until there are so many, or the patience ends.
pub fn wait_for(count: usize, mut read: impl FnMut() -> Vec<Mail>) -> Vec<Mail> {
    let until = Instant::now() + PATIENCE;
    loop {
        let letters = read();
        if letters.len() >= count {
            return letters;
        }
        assert!(Instant::now() < until, "{} of {count} letters came", letters.len());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A mail server on the loopback that takes what comes and keeps it.
pub struct MailServer {
    address: SocketAddr,
    taken: Arc<Mutex<Vec<Mail>>>,
    /// What it answers after `DATA`'s end instead of taking the letter.
    refusal: Arc<Mutex<Option<String>>>,
}

/// Starts a mail server; it ends with the test run.
pub fn mail_server() -> MailServer {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound socket has an address");
    let server = MailServer { address, taken: Arc::default(), refusal: Arc::default() };
    let (taken, refusal) = (Arc::clone(&server.taken), Arc::clone(&server.refusal));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (taken, refusal) = (Arc::clone(&taken), Arc::clone(&refusal));
            std::thread::spawn(move || converse(stream, &taken, &refusal));
        }
    });
    server
}

impl MailServer {
    /// Its address for `SMTP_URL`.
    pub fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    /// What it took.
    pub fn letters(&self) -> Vec<Mail> {
        self.taken.lock().expect("no panic holds this lock").clone()
    }

    /// Refuses letters with this answer, or takes them again.
    pub fn refuse(&self, answer: Option<&str>) {
        *self.refusal.lock().expect("no panic holds this lock") = answer.map(str::to_owned);
    }
}

/// One SMTP conversation; the client going away ends it.
fn converse(stream: TcpStream, taken: &Mutex<Vec<Mail>>, refusal: &Mutex<Option<String>>) -> Option<()> {
    let mut answers = stream.try_clone().ok()?;
    let mut lines = BufReader::new(stream).split(b'\n');
    let mut say = move |line: &str| answers.write_all(format!("{line}\r\n").as_bytes()).ok();
    say("220 sink")?;
    loop {
        let line = lines.next()?.ok()?;
        let command = String::from_utf8_lossy(&line).trim().to_ascii_uppercase();
        match command.split([' ', ':']).next().unwrap_or_default() {
            "EHLO" => say("250 sink")?,
            "DATA" => {
                say("354 go on")?;
                let mut letter = Vec::new();
                loop {
                    let line = lines.next()?.ok()?;
                    match line.as_slice() {
                        b".\r" => break,
                        [b'.', rest @ ..] => letter.extend_from_slice(rest),
                        whole => letter.extend_from_slice(whole),
                    }
                    letter.push(b'\n');
                }
                let refused = refusal.lock().expect("no panic holds this lock").clone();
                if refused.is_none() {
                    taken.lock().expect("no panic holds this lock").push(Mail::parse(&letter));
                }
                say(refused.as_deref().unwrap_or("250 taken"))?;
            }
            "QUIT" => return say("221 bye"),
            _ => say("250 ok")?,
        }
    }
}
