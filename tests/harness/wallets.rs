//! Somebody else's wallet in stories: an app that asks a member for their card and lives by the consent.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use unioncard::auth::oauth::Scopes;
use unioncard::auth::oauth::apps::{self, NewApp};

use crate::client::{Answer, Client};
use crate::server::TestServer;

/// A registered app.
pub struct WalletApp {
    /// What it signs in with.
    pub client_id: String,
    /// A public app has none.
    pub client_secret: Option<String>,
    /// Its address.
    pub redirect_uri: String,
    client: Client,
}

/// What an app asks the member for, and keeps until the code comes.
#[derive(Debug, Clone)]
pub struct Asking {
    /// The query of the authorization endpoint.
    pub query: Vec<(String, String)>,
    /// Of PKCE.
    pub verifier: String,
}

/// An answer that came to the app's address.
#[derive(Debug, Clone)]
pub struct Returned(Vec<(String, String)>);

impl TestServer {
    /// Registers an app at `https://bank.example/card` that may ask for these scopes.
    pub fn wallet_app(&self, scopes: &str, public: bool) -> WalletApp {
        let redirect_uri = "https://bank.example/card".to_owned();
        let new = NewApp {
            name: "Банк «Пример»".to_owned(),
            redirect_uris: vec![redirect_uri.clone()],
            scopes: Scopes::parse(scopes).expect("the story's scopes are some"),
            public,
        };
        let made =
            apps::create(&self.app, &mut self.connect(), &new, "test").expect("the story's app is right");
        let client = self.client();
        WalletApp { client_id: made.app.client_id, client_secret: made.client_secret, redirect_uri, client }
    }

    /// An app that a member has just allowed these scopes, signed in for them.
    pub fn as_wallet(&self, member: &Client, scopes: &str) -> Client {
        let tokens = self.wallet_app(scopes, false).connect(member, scopes);
        self.client().bearer(tokens["access_token"].as_str().expect("a token"))
    }
}

impl WalletApp {
    /// A right request for these scopes.
    pub fn asking(&self, scopes: &str) -> Asking {
        let verifier = URL_SAFE_NO_PAD.encode([7_u8; 48]);
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier));
        let query = [
            ("response_type", "code"),
            ("client_id", &self.client_id),
            ("redirect_uri", &self.redirect_uri),
            ("scope", scopes),
            ("state", "s-1&2"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        let query = query.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Asking { query, verifier }
    }

    /// The member allows it: the code.
    pub fn allowed(&self, member: &Client, asking: &Asking) -> Returned {
        let body = json!({ "query": asking.text() });
        let answer = member.post("/v1/oauth/authorize", &body).expect(200).json();
        let address = answer["redirect_to"].as_str().expect("an address");
        Returned::at(&self.redirect_uri, address)
    }

    /// Takes the code for tokens.
    pub fn exchange(&self, code: &str, verifier: &str) -> Answer {
        self.token(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.redirect_uri),
            ("code_verifier", verifier),
        ])
    }

    /// Takes a refresh token for the next tokens.
    pub fn renew(&self, token: &Value) -> Answer {
        self.token(&[("grant_type", "refresh_token"), ("refresh_token", token.as_str().expect("a token"))])
    }

    /// Asks the token endpoint, signed in.
    pub fn token(&self, form: &[(&str, &str)]) -> Answer {
        self.ask("/v1/oauth/token", form)
    }

    /// Sends a form, signed in: by a Basic header with a secret, else by the id in the form.
    pub fn ask(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        let mut form = form.to_vec();
        let kind = ("content-type", "application/x-www-form-urlencoded");
        match &self.client_secret {
            Some(secret) => {
                let basic = format!("Basic {}", STANDARD.encode(format!("{}:{secret}", self.client_id)));
                self.client.send("POST", path, &[kind, ("authorization", &basic)], encoded(&form).as_bytes())
            }
            None => {
                form.push(("client_id", &self.client_id));
                self.client.send("POST", path, &[kind], encoded(&form).as_bytes())
            }
        }
    }

    /// The whole way: asked, allowed, exchanged.
    pub fn connect(&self, member: &Client, scopes: &str) -> Value {
        let asking = self.asking(scopes);
        let returned = self.allowed(member, &asking);
        self.exchange(returned.value("code"), &asking.verifier).expect(200).json()
    }
}

impl Asking {
    /// The query string.
    pub fn text(&self) -> String {
        let pairs: Vec<(&str, &str)> = self.query.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        encoded(&pairs)
    }

    /// The same with one parameter changed, left out or added.
    pub fn with(&self, name: &str, value: Option<&str>) -> Self {
        let mut other = self.clone();
        other.query.retain(|(known, _)| known != name);
        other.query.extend(value.map(|value| (name.to_owned(), value.to_owned())));
        other
    }
}

impl Returned {
    /// Reads the address the browser was sent to.
    #[track_caller]
    pub fn at(redirect_uri: &str, address: &str) -> Self {
        let query = address.strip_prefix(redirect_uri).and_then(|rest| rest.strip_prefix(['?', '&']));
        let query = query.unwrap_or_else(|| panic!("{address} is not {redirect_uri}"));
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        Self(pairs.map(|(name, value)| (percent_decoded(name), percent_decoded(value))).collect())
    }

    /// A parameter that is there once.
    #[track_caller]
    pub fn value(&self, name: &str) -> &str {
        let mut found = self.0.iter().filter(|(known, _)| known == name);
        let value = found.next().unwrap_or_else(|| panic!("{name} is not in {:?}", self.0));
        assert!(found.next().is_none(), "{name} is there twice: {:?}", self.0);
        &value.1
    }

    /// Whether a parameter is there.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }
}

/// A form, every byte that needs it in its percent form.
pub fn encoded(pairs: &[(&str, &str)]) -> String {
    let plain = |text: &str| {
        text.bytes()
            .map(|byte| match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    char::from(byte).to_string()
                }
                byte => format!("%{byte:02X}"),
            })
            .collect::<String>()
    };
    pairs
        .iter()
        .map(|(name, value)| format!("{}={}", plain(name), plain(value)))
        .collect::<Vec<_>>()
        .join("&")
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let hex: String = rest.by_ref().take(2).map(char::from).collect();
                u8::from_str_radix(&hex, 16).expect("two hexadecimal digits")
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).expect("UTF-8")
}
