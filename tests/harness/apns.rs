//! A stand-in for Apple's push service on the loopback: HTTP/2 over TLS, with a certificate of its own and a look at the
//! client's. Keeps what comes and answers as told.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use ureq::http::{Request, Response};

use crate::PATIENCE;

/// A push as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push {
    /// Which device.
    pub token: String,
    /// `apns-topic`
    pub topic: String,
    /// The body.
    pub body: String,
}

/// A running service; ends with the test run.
pub struct Apns {
    address: SocketAddr,
    received: Arc<Mutex<Vec<Push>>>,
    answer: Arc<Mutex<(u16, &'static str)>>,
    folder: TempDir,
}

/// Starts a service that takes pushes of clients with a certificate below this root (PEM), and answers 200.
pub fn apns(client_root: &str) -> Apns {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(["127.0.0.1".to_owned()]).expect("an address is a name");
    let certificate = params.self_signed(&key).expect("a certificate");
    std::fs::write(folder.path().join("ca.pem"), certificate.pem()).expect("the folder takes files");
    let tls = tls(client_root, certificate.der().clone(), &key);
    let (received, answer) = (Arc::default(), Arc::new(Mutex::new((200, ""))));
    let (started, address) = std::sync::mpsc::channel();
    let (kept, told) = (Arc::clone(&received), Arc::clone(&answer));
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            started.send(listener.local_addr().expect("a bound socket has an address")).expect("awaited");
            let acceptor = TlsAcceptor::from(Arc::new(tls));
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, kept, told) = (acceptor.clone(), Arc::clone(&kept), Arc::clone(&told));
                tokio::spawn(async move { converse(acceptor, stream, kept, told).await });
            }
        });
    });
    Apns { address: address.recv().expect("it starts"), received, answer, folder }
}

fn tls(client_root: &str, certificate: CertificateDer<'static>, key: &KeyPair) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(client_root.as_bytes()).expect("a root")).expect("a root");
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
        .build()
        .expect("roots were given");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut tls = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider knows them")
        .with_client_cert_verifier(clients)
        .with_single_cert(vec![certificate], key)
        .expect("the key is the certificate's");
    tls.alpn_protocols = vec![b"h2".to_vec()];
    tls
}

impl Apns {
    /// Its address.
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// The certificate it shows, a PEM file.
    pub fn ca(&self) -> PathBuf {
        Path::join(self.folder.path(), "ca.pem")
    }

    /// Answers so from now on, with a reason where it refuses.
    pub fn answers(&self, status: u16, reason: &'static str) {
        *self.answer.lock().expect("no panic holds this lock") = (status, reason);
    }

    /// What came, oldest first.
    pub fn received(&self) -> Vec<Push> {
        self.received.lock().expect("no panic holds this lock").clone()
    }

    /// What came, once there is so much.
    #[track_caller]
    pub fn wait_for(&self, count: usize) -> Vec<Push> {
        let until = Instant::now() + PATIENCE;
        loop {
            let received = self.received();
            if received.len() >= count {
                return received;
            }
            assert!(Instant::now() < until, "{} of {count} pushes came", received.len());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// The requests of one connection; whatever breaks ends it.
async fn converse(
    acceptor: TlsAcceptor,
    stream: TcpStream,
    received: Arc<Mutex<Vec<Push>>>,
    answer: Arc<Mutex<(u16, &'static str)>>,
) {
    let Ok(stream) = acceptor.accept(stream).await else { return };
    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
    while let Some(Ok((request, respond))) = connection.accept().await {
        tokio::spawn(take(request, respond, Arc::clone(&received), Arc::clone(&answer)));
    }
}

async fn take(
    request: Request<h2::RecvStream>,
    mut respond: h2::server::SendResponse<actix_web::web::Bytes>,
    received: Arc<Mutex<Vec<Push>>>,
    answer: Arc<Mutex<(u16, &'static str)>>,
) -> Option<()> {
    let (head, mut stream) = request.into_parts();
    let mut body = Vec::new();
    while let Some(Ok(chunk)) = stream.data().await {
        stream.flow_control().release_capacity(chunk.len()).ok()?;
        body.extend_from_slice(&chunk);
    }
    let topic = head.headers.get("apns-topic").and_then(|value| value.to_str().ok()).unwrap_or_default();
    // Read first: whoever hears of the push may say how the next is to be answered.
    let (status, reason) = *answer.lock().expect("no panic holds this lock");
    received.lock().expect("no panic holds this lock").push(Push {
        token: head.uri.path().strip_prefix("/3/device/").unwrap_or_default().to_owned(),
        topic: topic.to_owned(),
        body: String::from_utf8(body).ok()?,
    });
    let head = Response::builder().status(status).body(()).ok()?;
    let mut stream = respond.send_response(head, status == 200).ok()?;
    if status != 200 {
        let refusal = format!("{{\"reason\":\"{reason}\"}}").into_bytes();
        stream.send_data(refusal.into(), true).ok()?;
    }
    Some(())
}
