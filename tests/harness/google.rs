//! A stand-in for Google on the loopback: gives tokens for signed requests of one service account, keeps classes and
//! objects, and refuses what Google would.

use std::collections::{BTreeMap, HashSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::PATIENCE;

/// Google's number of the issuer.
pub const ISSUER: &str = "3388000000012345678";
/// The service account.
pub const EMAIL: &str = "card@unioncard.iam.gserviceaccount.com";
/// The fields of a LoyaltyObject that may be sent.
const OBJECT_FIELDS: [&str; 9] = [
    "id",
    "classId",
    "state",
    "accountId",
    "loyaltyPoints",
    "secondaryLoyaltyPoints",
    "rotatingBarcode",
    "validTimeInterval",
    "passConstraints",
];
/// Those of a LoyaltyClass.
const CLASS_FIELDS: [&str; 9] = [
    "id",
    "issuerName",
    "programName",
    "localizedProgramName",
    "programLogo",
    "hexBackgroundColor",
    "homepageUri",
    "multipleDevicesAndHoldersAllowedStatus",
    "reviewStatus",
];

/// One key for all: it takes a while to be drawn. The folder has `key.pem` and `public.der` (PKCS #1).
static KEY: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let openssl = |arguments: &[&str]| {
        let done = Command::new("openssl").args(arguments).current_dir(folder.path()).output();
        let done = done.expect("openssl is installed");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", "key.pem"]);
    openssl(&["rsa", "-in", "key.pem", "-RSAPublicKey_out", "-outform", "DER", "-out", "public.der"]);
    openssl(&["rsa", "-in", "key.pem", "-pubout", "-out", "public.pem"]);
    folder
});

/// What is kept there.
#[derive(Default)]
struct Kept {
    classes: BTreeMap<String, Value>,
    objects: BTreeMap<String, Value>,
    tokens: HashSet<String>,
    asked: Vec<String>,
    answers: Option<u16>,
}

/// A running stand-in; ends with the test run.
pub struct Google {
    address: SocketAddr,
    kept: Arc<Mutex<Kept>>,
    folder: TempDir,
}

/// Starts one.
pub fn google() -> Google {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound socket has an address");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let key = std::fs::read_to_string(KEY.path().join("key.pem")).expect("the key was drawn");
    let file = json!({
        "type": "service_account",
        "project_id": "unioncard",
        "private_key_id": "key-1",
        "private_key": key,
        "client_email": EMAIL,
        "token_uri": format!("http://{address}/token"),
    });
    std::fs::write(folder.path().join("key.json"), file.to_string()).expect("the folder takes files");
    let kept: Arc<Mutex<Kept>> = Arc::default();
    let keeping = Arc::clone(&kept);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let kept = Arc::clone(&keeping);
            std::thread::spawn(move || converse(stream, address, &kept));
        }
    });
    Google { address, kept, folder }
}

impl Google {
    /// The settings of a server that puts cards here.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            ("google_issuer", ISSUER.to_owned()),
            ("google_key", self.folder.path().join("key.json").display().to_string()),
            ("google_url", format!("http://{}/walletobjects/v1", self.address)),
        ]
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().expect("no panic holds this lock")
    }

    /// Answers everything so from now on; `None` is as Google does.
    pub fn answers(&self, status: Option<u16>) {
        self.kept().answers = status;
    }

    /// An object.
    pub fn object(&self, id: &Value) -> Value {
        let id = id.as_str().expect("an id");
        self.kept().objects.get(id).cloned().unwrap_or_default()
    }

    /// The classes.
    pub fn classes(&self) -> Vec<Value> {
        self.kept().classes.values().cloned().collect()
    }

    /// What was asked: method and path.
    pub fn asked(&self) -> Vec<String> {
        self.kept().asked.clone()
    }

    /// Waits until an object is so.
    #[track_caller]
    pub fn wait_until(&self, id: &Value, so: impl Fn(&Value) -> bool) -> Value {
        let until = Instant::now() + PATIENCE;
        loop {
            let object = self.object(id);
            if so(&object) {
                return object;
            }
            assert!(Instant::now() < until, "{object}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Whether `openssl` finds a JWT's signature to be the account's.
    pub fn signed(&self, jwt: &str) -> bool {
        use base64::Engine;
        let (message, signature) = jwt.rsplit_once('.').expect("a JWT has three parts");
        let signature =
            base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(signature).expect("base64url");
        let file = |name: &str, content: &[u8]| {
            let path = self.folder.path().join(name);
            std::fs::write(&path, content).expect("the folder takes files");
            path
        };
        let (message, signature) = (file("message", message.as_bytes()), file("signature", &signature));
        let checked = Command::new("openssl")
            .args(["dgst", "-sha256", "-verify"])
            .arg(KEY.path().join("public.pem"))
            .arg("-signature")
            .args([signature, message])
            .output()
            .expect("openssl is installed");
        checked.status.success()
    }
}

/// A request as it came.
struct Asked {
    method: String,
    path: String,
    bearer: String,
    body: String,
}

fn converse(stream: TcpStream, address: SocketAddr, kept: &Mutex<Kept>) -> Option<()> {
    let mut answers = stream.try_clone().ok()?;
    let mut reader = BufReader::new(stream);
    loop {
        let asked = read(&mut reader)?;
        let (status, body) = answer(&asked, address, &mut kept.lock().expect("no panic holds this lock"));
        let body = body.to_string();
        let head = format!(
            "HTTP/1.1 {status} So\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        answers.write_all(head.as_bytes()).ok()?;
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut words = line.split(' ');
    let mut asked = Asked {
        method: words.next()?.to_owned(),
        path: words.next()?.to_owned(),
        bearer: String::new(),
        body: String::new(),
    };
    let mut length = 0;
    loop {
        line.clear();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "authorization" => {
                value.strip_prefix("Bearer ").unwrap_or_default().clone_into(&mut asked.bearer)
            }
            "content-length" => length = value.parse().ok()?,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    asked.body = String::from_utf8(body).ok()?;
    Some(asked)
}

fn answer(asked: &Asked, address: SocketAddr, kept: &mut Kept) -> (u16, Value) {
    kept.asked.push(format!("{} {}", asked.method, asked.path));
    if let Some(status) = kept.answers {
        return (status, json!({}));
    }
    if asked.path == "/token" {
        return token(asked, address, kept);
    }
    if !kept.tokens.contains(&asked.bearer) {
        return (401, json!({}));
    }
    let Ok(sent) = serde_json::from_str::<Value>(&asked.body) else { return (400, json!({})) };
    let Some(rest) = asked.path.strip_prefix("/walletobjects/v1/") else { return (404, json!({})) };
    match (asked.method.as_str(), rest.split_once('/').unwrap_or((rest, ""))) {
        ("POST", ("loyaltyClass", "")) => class(sent, kept),
        ("POST", ("loyaltyObject", "")) => object(sent, kept),
        ("PATCH", ("loyaltyObject", id)) => patch(id, &sent, kept),
        _ => (404, json!({})),
    }
}

/// RFC 7523: the request is signed by the account, for us, for an hour at most.
fn token(asked: &Asked, address: SocketAddr, kept: &mut Kept) -> (u16, Value) {
    let refused = (400, json!({ "error": "invalid_grant" }));
    let grant = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=";
    let Some(assertion) = asked.body.strip_prefix(grant) else { return refused };
    let public = std::fs::read(KEY.path().join("public.der")).expect("the key was drawn");
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_audience(&[format!("http://{address}/token")]);
    validation.set_issuer(&[EMAIL]);
    // The story's clock is not this one's.
    validation.validate_exp = false;
    let claims = jsonwebtoken::decode::<Value>(assertion, &DecodingKey::from_rsa_der(&public), &validation);
    let Ok(claims) = claims.map(|token| token.claims) else { return refused };
    let life = claims["exp"].as_i64().unwrap_or_default() - claims["iat"].as_i64().unwrap_or_default();
    let scope = "https://www.googleapis.com/auth/wallet_object.issuer";
    if !(1..=3_600).contains(&life) || claims["scope"] != scope {
        return refused;
    }
    let token = format!("token-{}", kept.tokens.len());
    kept.tokens.insert(token.clone());
    (200, json!({ "access_token": token, "expires_in": 3_599, "token_type": "Bearer" }))
}

fn id_of(sent: &Value, fields: &[&str]) -> Option<String> {
    let known = sent.as_object()?.keys().all(|name| fields.contains(&name.as_str()));
    let id = sent["id"].as_str()?;
    let suffix = id.strip_prefix(ISSUER)?.strip_prefix('.')?;
    let plain = suffix.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    (known && plain && !suffix.is_empty()).then(|| id.to_owned())
}

fn class(sent: Value, kept: &mut Kept) -> (u16, Value) {
    let Some(id) = id_of(&sent, &CLASS_FIELDS) else { return (400, json!({})) };
    let text = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
    let whole = [&sent["issuerName"], &sent["programName"], &sent["programLogo"]["sourceUri"]["uri"]];
    if !whole.into_iter().all(text) || sent["reviewStatus"] != "UNDER_REVIEW" {
        return (400, json!({}));
    }
    if kept.classes.contains_key(&id) {
        return (409, json!({}));
    }
    kept.classes.insert(id, sent.clone());
    (200, sent)
}

fn object(sent: Value, kept: &mut Kept) -> (u16, Value) {
    let Some(id) = id_of(&sent, &OBJECT_FIELDS) else { return (400, json!({})) };
    let class = sent["classId"].as_str().unwrap_or_default();
    if !kept.classes.contains_key(class) || !is_state(&sent["state"]) {
        return (400, json!({}));
    }
    if kept.objects.contains_key(&id) {
        return (409, json!({}));
    }
    kept.objects.insert(id, sent.clone());
    (200, sent)
}

fn is_state(state: &Value) -> bool {
    ["ACTIVE", "INACTIVE", "COMPLETED", "EXPIRED"].iter().any(|known| state == known)
}

fn patch(id: &str, sent: &Value, kept: &mut Kept) -> (u16, Value) {
    let Some(fields) = sent.as_object() else { return (400, json!({})) };
    let Some(object) = kept.objects.get_mut(id) else { return (404, json!({})) };
    if !fields.keys().all(|name| OBJECT_FIELDS.contains(&name.as_str())) {
        return (400, json!({}));
    }
    for (name, value) in fields {
        match value {
            Value::Null => drop(object.as_object_mut().map(|object| object.remove(name))),
            value => object[name] = value.clone(),
        }
    }
    (200, object.clone())
}
