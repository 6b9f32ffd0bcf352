//! Listen addresses of the web server.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// A parsed listen address: `:10112`, `127.0.0.1:10112`, `[::1]:10112` or `localhost:10112`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListenAddress {
    /// The interface; `None` means all of them.
    pub ip: Option<IpAddr>,
    /// The port; 0 lets the system choose a free one.
    pub port: u16,
}

// === impl ListenAddress ===

impl ListenAddress {
    /// Parses an address. Host names other than `localhost` are rejected, because their addresses
    /// can change and a configuration must not depend on name lookup.
    pub fn parse(text: &str) -> Result<Self, String> {
        let refusal = || {
            format!(
                "{} is no address to listen on: write :PORT for all interfaces, or IP:PORT",
                crate::quote(text)
            )
        };
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(Self {
                ip: Some(address.ip()),
                port: address.port(),
            });
        }
        let (host, port) = text.rsplit_once(':').ok_or_else(refusal)?;
        let ip = match host {
            "" => None,
            "localhost" => Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            _ => return Err(refusal()),
        };
        let port = port.parse().map_err(|_| refusal())?;
        Ok(Self { ip, port })
    }

    /// Returns whether two servers cannot listen on both addresses: the port is the same, and so is
    /// the interface, or one is for all interfaces.
    pub fn overlaps(&self, other: &Self) -> bool {
        let takes = |one: &Self, other: &Self| match (one.ip, other.ip) {
            // An address without an interface covers IPv4 and IPv6.
            (None, _) => true,
            (Some(IpAddr::V6(ip)), _) if ip.is_unspecified() => true,
            (Some(IpAddr::V4(ip)), Some(IpAddr::V4(_))) if ip.is_unspecified() => true,
            (one, other) => one == other,
        };
        self.port == other.port && self.port != 0 && (takes(self, other) || takes(other, self))
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ip {
            Some(ip) => SocketAddr::new(ip, self.port).fmt(f),
            None => write!(f, ":{}", self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_and_print() {
        let same = [
            ":10112",
            "127.0.0.1:10112",
            "[::1]:80",
            "0.0.0.0:0",
            "[::]:9",
        ];
        let same = same.map(|text| (text, text));
        for (text, printed) in same.into_iter().chain([("localhost:1", "127.0.0.1:1")]) {
            assert_eq!(ListenAddress::parse(text).unwrap().to_string(), printed);
        }
    }

    #[test]
    fn addresses_overlap_if_only_one_can_be_used() {
        for (one, other, overlap) in [
            (":80", ":80", true),
            (":80", "127.0.0.1:80", true),
            ("[::1]:80", "[::]:80", true),
            ("127.0.0.1:80", "[::]:80", true),
            ("0.0.0.0:80", "127.0.0.1:80", true),
            ("0.0.0.0:80", "[::1]:80", false),
            ("127.0.0.1:80", "127.0.0.2:80", false),
            (":80", ":81", false),
            (":0", ":0", false),
        ] {
            let [one, other] = [one, other].map(|text| ListenAddress::parse(text).unwrap());
            assert_eq!(one.overlaps(&other), overlap, "{one} {other}");
        }
    }

    #[test]
    fn the_rest_is_refused() {
        let texts = [
            "",
            ":",
            "10112",
            "localhost",
            "127.0.0.1:",
            "::1",
            "example.org:80",
            "a b:1",
        ];
        for text in texts
            .into_iter()
            .chain([":65536", ":70000", ":-1", ":x", "::1:80:x"])
        {
            assert!(ListenAddress::parse(text).is_err(), "{text}");
        }
    }
}
