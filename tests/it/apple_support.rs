//! What the stories of Apple's passes share: a shop whose server signs passes, a pass taken apart, a device that asks as
//! a phone would.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use card_issuer::pass::apple::chain::{self, Chain};
use harness::apns::Apns;
use harness::server::server_with;
use harness::{Answer, Client};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::shop::{Holder, Shop};

pub const PASS_TYPE: &str = "pass.org.example.card";
pub const TEAM: &str = "TEAM012345";

/// One chain for all: keys take a while to be drawn.
pub static CHAIN: LazyLock<Chain> =
    LazyLock::new(|| chain::made(PASS_TYPE, TEAM, "2026-11-22T00:00:00Z".parse().unwrap()).unwrap());

/// A shop whose server signs passes.
pub struct AppleShop {
    pub shop: Shop,
    _certificates: TempDir,
}

impl AppleShop {
    pub fn open() -> Self {
        Self::with(&[])
    }

    /// The same, telling devices through this push service.
    pub fn pushing(apns: &Apns) -> Self {
        Self::with(&[("apns_url", &apns.url()), ("apns_ca", &apns.ca().display().to_string())])
    }

    /// The same, with more settings.
    pub fn with(more: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let own = [
            ("apple_certificate", file("certificate.pem", &CHAIN.certificate)),
            ("apple_key", file("key.pem", &CHAIN.key)),
            ("apple_wwdr", file("wwdr.pem", &CHAIN.intermediate)),
            // Apple's own is never asked by a test.
            ("apns_url", "https://127.0.0.1:9".to_owned()),
        ];
        let mut settings: Vec<(&str, &str)> =
            own.iter().map(|(name, value)| (*name, value.as_str())).collect();
        settings.extend(more);
        let server = server_with(&settings);
        if !more.iter().any(|(name, _)| *name == "apns_url") {
            // Nobody takes the pushes.
            server.may_leave_undone();
        }
        Self { shop: Shop::over(server), _certificates: folder }
    }

    /// The pass a member takes from their page.
    pub fn pass(&self, holder: &Holder) -> Unpacked {
        let me = self.shop.server.as_member(&holder.number);
        Unpacked::of(&me.get(&format!("/v1/me/cards/{}/apple.pkpass", holder.card.id)).expect(200))
    }

    /// A phone with the member's pass in it.
    pub fn phone(&self, name: &str, holder: &Holder) -> Phone {
        let pass = self.pass(holder);
        let phone = self.holding(name, holder);
        let token = pass.json()["authenticationToken"].as_str().unwrap().to_owned();
        Phone {
            client: self.shop.server.client().with("authorization", &format!("ApplePass {token}")),
            ..phone
        }
    }

    /// The same, its pass brought by another way than the member's page.
    pub fn holding(&self, name: &str, holder: &Holder) -> Phone {
        let serial = holder.card.id.to_string();
        let token = unioncard::wallets::apple::token(&self.shop.server.app.master, &serial);
        let client = self.shop.server.client().with("authorization", &format!("ApplePass {token}"));
        Phone { name: name.to_owned(), serial, client }
    }
}

/// A pass taken apart.
pub struct Unpacked(pub BTreeMap<String, Vec<u8>>);

impl Unpacked {
    pub fn of(answer: &Answer) -> Self {
        assert_eq!(answer.header("content-type"), "application/vnd.apple.pkpass");
        let mut archive = zip::ZipArchive::new(Cursor::new(&answer.body)).unwrap();
        let mut files = BTreeMap::new();
        for place in 0..archive.len() {
            let mut file = archive.by_index(place).unwrap();
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).unwrap();
            files.insert(file.name().unwrap().into_owned(), bytes);
        }
        Self(files)
    }

    pub fn text(&self, name: &str) -> &str {
        std::str::from_utf8(&self.0[name]).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.0["pass.json"]).unwrap()
    }

    /// The value of a field, wherever it stands.
    pub fn field(&self, key: &str) -> Value {
        let card = &self.json()["storeCard"];
        let fields = card.as_object().unwrap().values().flat_map(|fields| fields.as_array().unwrap());
        let found = fields.into_iter().find(|field| field["key"] == key);
        found.map_or(Value::Null, |field| field["value"].clone())
    }

    /// An amount as the pass writes it, digit by digit.
    pub fn amount(&self, key: &str) -> String {
        let text = self.text("pass.json");
        let after = text.split_once(&format!("\"key\":\"{key}\"")).unwrap().1;
        let value = after.split_once("\"value\":").unwrap().1;
        value.split([',', '}']).next().unwrap().to_owned()
    }

    /// Writes a file of it out for another program.
    pub fn write(&self, name: &str, folder: &Path) -> PathBuf {
        let path = folder.join(name.replace('/', "-"));
        std::fs::write(&path, &self.0[name]).unwrap();
        path
    }
}

/// A phone, as it asks the web service for one pass.
pub struct Phone {
    pub name: String,
    pub serial: String,
    pub client: Client,
}

impl Phone {
    fn registration(&self) -> String {
        format!("/v1/apple/v1/devices/{}/registrations/{PASS_TYPE}/{}", self.name, self.serial)
    }

    pub fn register(&self, push_token: &str) -> Answer {
        self.client.post(&self.registration(), &json!({ "pushToken": push_token }))
    }

    pub fn unregister(&self) -> Answer {
        self.client.delete(&self.registration())
    }

    /// The passes changed since a tag, and the next tag; nothing where none did. No token goes along.
    pub fn changed(&self, shop: &AppleShop, since: Option<&str>) -> Option<(Vec<String>, String)> {
        let asked = since.map_or_else(String::new, |tag| format!("?passesUpdatedSince={tag}"));
        let path = format!("/v1/apple/v1/devices/{}/registrations/{PASS_TYPE}{asked}", self.name);
        let answer = shop.shop.server.client().get(&path);
        if answer.status == 204 {
            return None;
        }
        let told = answer.expect(200).json();
        let serials = told["serialNumbers"].as_array().unwrap().iter();
        let serials = serials.map(|serial| serial.as_str().unwrap().to_owned()).collect();
        Some((serials, told["lastUpdated"].as_str().unwrap().to_owned()))
    }

    /// The pass, unless it is as it was then.
    pub fn fetch(&self, since: Option<&str>) -> Answer {
        let client =
            since.map_or_else(|| self.client.clone(), |since| self.client.with("if-modified-since", since));
        client.get(&format!("/v1/apple/v1/passes/{PASS_TYPE}/{}", self.serial))
    }
}
