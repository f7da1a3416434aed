//! Which addresses may be called at all. A partner names the address, we call it from inside our network: so it must
//! be a public one, judged when it is given and again each time it is dialled. We resolve names ourselves and dial what
//! was judged, so that a name can't turn into another address in between.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::config::Loopback;

/// The longest address.
pub const URL_BYTES_MAX: usize = 2_048;
/// Where HTTPS is served.
const PORTS: [u16; 2] = [443, 8443];
/// Names that never belong to a public host.
const PRIVATE_NAMES: [&str; 8] =
    ["localhost", "local", "internal", "intranet", "lan", "home.arpa", "onion", "invalid"];

/// Why an address may not be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Not an address at all, or with characters that some reader would take otherwise.
    #[error("is no address of the form https://host/path")]
    Malformed,
    /// Not HTTPS.
    #[error("must begin with https://")]
    NotHttps,
    /// Another port.
    #[error("must be at port 443 or 8443")]
    Port,
    /// User or password in it.
    #[error("must have neither user nor password")]
    Credentials,
    /// Inside a network, or not a single host's.
    #[error("is not a public address")]
    NotPublic,
}

/// Judges addresses.
#[derive(Debug, Clone, Copy)]
pub struct Guard {
    loopback: Loopback,
}

impl Guard {
    /// A guard that lets calls to this machine through, or doesn't.
    pub fn new(loopback: Loopback) -> Self {
        Self { loopback }
    }

    /// Reads an address; names are not looked up here.
    ///
    /// # Errors
    /// [`Refused`]
    pub fn url(self, text: &str) -> Result<Url, Refused> {
        // The parser drops tabs and line ends and turns backslashes; what is stored must be what was sent.
        let odd = |c: char| c.is_control() || c.is_whitespace() || c == '\\';
        if text.len() > URL_BYTES_MAX || text.chars().any(odd) {
            return Err(Refused::Malformed);
        }
        let url = Url::parse(text).map_err(|_| Refused::Malformed)?;
        if !matches!(url.scheme(), "https" | "http") {
            return Err(Refused::NotHttps);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refused::Credentials);
        }
        if url.fragment().is_some() || url.as_str().len() > URL_BYTES_MAX {
            return Err(Refused::Malformed);
        }
        let host = url.host_str().ok_or(Refused::Malformed)?;
        let own = self.is_loopback(host);
        if url.scheme() != "https" && !own {
            return Err(Refused::NotHttps);
        }
        match literal(host) {
            Some(address) if self.may(address) => {}
            Some(_) => return Err(Refused::NotPublic),
            None if own || is_public_name(host) => {}
            None => return Err(Refused::NotPublic),
        }
        if !own && !url.port_or_known_default().is_some_and(|port| PORTS.contains(&port)) {
            return Err(Refused::Port);
        }
        Ok(url)
    }

    /// Looks a host up; what may be dialled. A name with a single address that may not be is refused as a whole: whoever
    /// mixes them is trying. Blocks.
    ///
    /// # Errors
    /// [`LookUp::Refused`], or the name isn't known now.
    pub fn look_up(self, host: &str) -> Result<Vec<SocketAddr>, LookUp> {
        let found: Vec<SocketAddr> =
            (host, 0).to_socket_addrs().map_err(|_| LookUp::Unknown)?.take(ADDRESSES_MAX).collect();
        if found.is_empty() {
            return Err(LookUp::Unknown);
        }
        if found.iter().all(|address| self.may(address.ip())) {
            Ok(found)
        } else {
            Err(LookUp::Refused(Refused::NotPublic))
        }
    }

    fn may(self, address: IpAddr) -> bool {
        is_public(address) || (self.loopback == Loopback::Allowed && address.is_loopback())
    }

    /// Whether a host names this machine and may.
    fn is_loopback(self, host: &str) -> bool {
        self.loopback == Loopback::Allowed
            && (host == "localhost" || literal(host).is_some_and(|address| address.is_loopback()))
    }
}

/// Addresses of one name that are looked at.
const ADDRESSES_MAX: usize = 32;

/// Why a host can't be dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LookUp {
    /// It may not be.
    #[error("the host {0}")]
    Refused(#[from] Refused),
    /// Nobody knows it, or can be asked now.
    #[error("the host's name can't be looked up")]
    Unknown,
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = *self;
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let looked_up = tokio::task::spawn_blocking(move || guard.look_up(&host)).await?;
            let addresses: Addrs = Box::new(looked_up?.into_iter());
            Ok(addresses)
        })
    }
}

/// The address a URL's host spells; the URL parser has brought every spelling into the usual one.
fn literal(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

fn is_public_name(host: &str) -> bool {
    let name = host.strip_suffix('.').unwrap_or(host);
    name.contains('.')
        && !PRIVATE_NAMES.iter().any(|private| {
            name.strip_suffix(private).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
}

/// Whether an address is one of the public Internet's single hosts, by IANA's registries of special addresses.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    const SPECIAL: [([u8; 4], u32); 15] = [
        ([0, 0, 0, 0], 8),
        ([10, 0, 0, 0], 8),
        ([100, 64, 0, 0], 10),
        ([127, 0, 0, 0], 8),
        ([169, 254, 0, 0], 16),
        ([172, 16, 0, 0], 12),
        ([192, 0, 0, 0], 24),
        ([192, 0, 2, 0], 24),
        ([192, 88, 99, 0], 24),
        ([192, 168, 0, 0], 16),
        ([198, 18, 0, 0], 15),
        ([198, 51, 100, 0], 24),
        ([203, 0, 113, 0], 24),
        // Multicast, reserved and broadcast.
        ([224, 0, 0, 0], 4),
        ([240, 0, 0, 0], 4),
    ];
    let bits = u32::from(address);
    !SPECIAL.iter().any(|(network, length)| {
        let mask = u32::MAX << (32 - length);
        bits & mask == u32::from(Ipv4Addr::from(*network))
    })
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    // Global unicast is 2000::/3; everything else is mapped, translated, link-local, unique local, multicast or nobody's.
    const SPECIAL: [(u128, u32); 5] = [
        // IETF protocol assignments: Teredo, benchmarking, ORCHID.
        (0x2001_0000 << 96, 23),
        // Documentation.
        (0x2001_0db8 << 96, 32),
        (0x3fff_0000 << 96, 20),
        // 6to4 carries an IPv4 address.
        (0x2002_0000 << 96, 16),
        // 6bone, given back.
        (0x3ffe_0000 << 96, 16),
    ];
    let bits = u128::from(address);
    bits >> 125 == 1
        && !SPECIAL.iter().any(|(network, length)| {
            let mask = u128::MAX << (128 - length);
            bits & mask == *network
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_judged_as_the_table_says() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/webhook_addresses.json");
        let table: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        let guard = Guard::new(Loopback::Refused);
        for url in table["taken"].as_array().unwrap() {
            let url = url.as_str().unwrap();
            assert!(guard.url(url).is_ok(), "{url}");
        }
        for refused in table["refused"].as_array().unwrap() {
            let (url, why) = (refused["url"].as_str().unwrap(), refused["why"].as_str().unwrap());
            let error = guard.url(url).expect_err(url);
            let word = format!("{error:?}");
            assert_eq!(word, why, "{url}");
        }
    }

    #[test]
    fn names_that_resolve_to_this_machine_are_refused_when_dialled() {
        let refused = Guard::new(Loopback::Refused).look_up("localhost");
        assert_eq!(refused, Err(LookUp::Refused(Refused::NotPublic)));
        assert!(Guard::new(Loopback::Allowed).look_up("localhost").is_ok());
    }

    #[test]
    fn this_machine_may_be_called_where_the_settings_say_so_and_nothing_else() {
        let guard = Guard::new(Loopback::Allowed);
        assert!(guard.url("http://127.0.0.1:4711/hook").is_ok());
        assert!(guard.url("http://localhost:4711/hook").is_ok());
        assert!(guard.url("https://[::1]:4711/hook").is_ok());
        assert_eq!(guard.url("http://example.org/hook"), Err(Refused::NotHttps));
        assert_eq!(guard.url("https://10.0.0.1/hook"), Err(Refused::NotPublic));
        assert_eq!(guard.url("https://[::ffff:127.0.0.1]/hook"), Err(Refused::NotPublic));
    }
}
