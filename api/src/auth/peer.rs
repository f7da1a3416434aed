//! Where a request comes from. `X-Forwarded-For` is anybody's word unless a proxy of ours wrote it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use actix_web::HttpRequest;

/// The address a request comes from: the peer's, or, behind trusted proxies, the last one that is none of them.
pub fn address(request: &HttpRequest, trusted: &[IpAddr]) -> IpAddr {
    let peer =
        request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address: SocketAddr| address.ip());
    let hops: Vec<&str> = request
        .headers()
        .get_all("x-forwarded-for")
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    let mut nearest = peer.to_canonical();
    for hop in hops.iter().rev() {
        if !trusted.contains(&nearest) {
            break;
        }
        match hop.trim().parse::<IpAddr>() {
            Ok(address) => nearest = address.to_canonical(),
            Err(_) => break,
        }
    }
    nearest
}

/// What limits count by: the address, or, in IPv6, the network a household is given (/64).
pub fn network(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => (u128::from(v6) >> 64 << 64).to_be_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn only_trusted_proxies_are_believed() {
        let cases = [
            ("203.0.113.9", "", "", "203.0.113.9"),
            ("203.0.113.9", "198.51.100.1", "", "203.0.113.9"),
            ("203.0.113.9", "198.51.100.1", "10.0.0.1", "203.0.113.9"),
            ("10.0.0.1", "198.51.100.1", "10.0.0.1", "198.51.100.1"),
            ("10.0.0.1", "1.2.3.4, 198.51.100.1", "10.0.0.1", "198.51.100.1"),
            ("10.0.0.1", "1.2.3.4, 198.51.100.1, 10.0.0.2", "10.0.0.1,10.0.0.2", "198.51.100.1"),
            ("10.0.0.1", "1.2.3.4, unknown", "10.0.0.1", "10.0.0.1"),
            ("::ffff:10.0.0.1", "198.51.100.1", "10.0.0.1", "198.51.100.1"),
        ];
        for (peer, forwarded, trusted, expected) in cases {
            let mut request = TestRequest::get().peer_addr(SocketAddr::new(peer.parse().unwrap(), 1));
            if !forwarded.is_empty() {
                request = request.insert_header(("X-Forwarded-For", forwarded));
            }
            let trusted: Vec<IpAddr> = trusted
                .split(',')
                .filter(|text| !text.is_empty())
                .map(|text| text.parse().unwrap())
                .collect();
            let found = address(&request.to_http_request(), &trusted);
            assert_eq!(found, expected.parse::<IpAddr>().unwrap(), "{peer} {forwarded}");
        }
    }

    #[test]
    fn a_household_shares_its_limit() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }
}
