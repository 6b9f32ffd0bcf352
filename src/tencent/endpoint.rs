//! Where the API is: scheme, host, port and path.

use std::fmt;

/// The path of every v2 module.
const V2_PATH: &str = "/v2/index.php";

/// The host of the v2 module of functions; the region travels as a parameter.
const V2_HOST: &str = "scf.api.qcloud.com";

/// Longest address accepted, in bytes.
const MAX_URL: usize = 2_048;

/// With or without TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Plain text: simulators and proxies on the same machine.
    Http,
    /// TLS.
    Https,
}

/// An address of the v2 API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    scheme: Scheme,
    host: String,
    port: Option<u16>,
    path: String,
}

/// Why a text is no endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Longer than any address needs to be.
    #[error("the endpoint is longer than {MAX_URL} bytes")]
    TooLong,
    /// Nothing like `https://` in front.
    #[error("the endpoint has no scheme; write https://HOST or http://HOST:PORT")]
    NoScheme,
    /// A scheme nobody speaks here.
    #[error("the endpoint's scheme must be http or https")]
    UnknownScheme,
    /// Nothing between `//` and the path.
    #[error("the endpoint has no host; write https://HOST or http://HOST:PORT")]
    NoHost,
    /// A host with characters that no host has.
    #[error("the endpoint's host holds a character that no host name has")]
    BadHost,
    /// A port that is not 1 to 65535.
    #[error("the endpoint's port must be a number from 1 to 65535")]
    BadPort,
    /// `user:password@`.
    #[error("the endpoint holds a user name; credentials do not belong into the address")]
    UserInfo,
    /// `?` or `#`.
    #[error("the endpoint has a query or fragment; parameters are added by the exporter itself")]
    Query,
    /// A path with blanks, controls or letters beyond ASCII.
    #[error("the endpoint's path must be printable ASCII without spaces")]
    BadPath,
}

// === impl Endpoint ===

impl Endpoint {
    /// Reads `scheme://host[:port][/path]`. Without a path it is `/v2/index.php`.
    pub fn parse(url: &str) -> Result<Self, EndpointError> {
        if url.len() > MAX_URL {
            return Err(EndpointError::TooLong);
        }
        let (scheme, rest) = url.split_once("://").ok_or(EndpointError::NoScheme)?;
        let scheme = Scheme::parse(scheme)?;
        if rest.contains(['?', '#']) {
            return Err(EndpointError::Query);
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = parse_authority(authority)?;
        Ok(Self {
            scheme,
            host,
            port: port.filter(|port| *port != scheme.default_port()),
            path: parse_path(path)?,
        })
    }

    /// The host as signed and as sent in `Host`: with the port where it is not the usual one.
    pub fn authority(&self) -> String {
        match self.port {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.clone(),
        }
    }

    /// The path, beginning with `/`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether requests are protected by TLS.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }
}

/// The vendor's public v2 address.
impl Default for Endpoint {
    fn default() -> Self {
        Self {
            scheme: Scheme::Https,
            host: V2_HOST.to_owned(),
            port: None,
            path: V2_PATH.to_owned(),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        write!(f, "{scheme}://{}{}", self.authority(), self.path)
    }
}

// === impl Scheme ===

impl Scheme {
    fn parse(text: &str) -> Result<Self, EndpointError> {
        match text.to_ascii_lowercase().as_str() {
            "http" => Ok(Self::Http),
            "https" => Ok(Self::Https),
            _ => Err(EndpointError::UnknownScheme),
        }
    }

    const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

// === the parts of an address ===

fn parse_authority(authority: &str) -> Result<(String, Option<u16>), EndpointError> {
    if authority.contains('@') {
        return Err(EndpointError::UserInfo);
    }
    // The last colon outside brackets begins the port: [::1]:8080.
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let port = port.map(parse_port).transpose()?;
    Ok((parse_host(host)?, port))
}

fn parse_port(text: &str) -> Result<u16, EndpointError> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let port = digits.then(|| text.parse::<u16>().ok()).flatten();
    port.filter(|port| *port > 0).ok_or(EndpointError::BadPort)
}

/// In lower case, as the HTTP library sends it, so that the signed host is the sent host.
fn parse_host(host: &str) -> Result<String, EndpointError> {
    if host.is_empty() {
        return Err(EndpointError::NoHost);
    }
    let inner = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    let good = match inner {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => host
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_')),
    };
    good.then(|| host.to_ascii_lowercase())
        .ok_or(EndpointError::BadHost)
}

fn parse_path(path: &str) -> Result<String, EndpointError> {
    match path {
        "" | "/" => Ok(V2_PATH.to_owned()),
        _ if path.bytes().all(|b| b.is_ascii_graphic()) => Ok(path.to_owned()),
        _ => Err(EndpointError::BadPath),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_default_is_the_vendors_address() {
        assert_eq!(
            Endpoint::default().to_string(),
            "https://scf.api.qcloud.com/v2/index.php"
        );
        assert_eq!(Endpoint::default().authority(), "scf.api.qcloud.com");
    }

    #[test]
    fn an_override_keeps_what_it_does_not_name() {
        for (given, whole) in [
            (
                "http://127.0.0.1:18080",
                "http://127.0.0.1:18080/v2/index.php",
            ),
            (
                "http://127.0.0.1:18080/",
                "http://127.0.0.1:18080/v2/index.php",
            ),
            ("http://localhost:9/x/y", "http://localhost:9/x/y"),
            (
                "HTTPS://Scf.API.qcloud.com:443",
                "https://scf.api.qcloud.com/v2/index.php",
            ),
            ("http://a:443", "http://a:443/v2/index.php"),
            ("http://[::1]:80", "http://[::1]/v2/index.php"),
            ("http://[::1]", "http://[::1]/v2/index.php"),
            ("http://[FE80::1]:81/p", "http://[fe80::1]:81/p"),
        ] {
            assert_eq!(Endpoint::parse(given).unwrap().to_string(), whole);
        }
    }

    #[test]
    fn faults_are_told_apart() {
        use EndpointError::*;
        for (given, fault) in [
            ("scf.api.qcloud.com", NoScheme),
            ("", NoScheme),
            ("ftp://a", UnknownScheme),
            ("https://", NoHost),
            ("https:///v2", NoHost),
            ("https://:80", NoHost),
            ("https://a b", BadHost),
            ("https://::1", BadHost),
            ("https://[::x]", BadHost),
            ("https://a:", BadPort),
            ("https://a:0", BadPort),
            ("https://a:+80", BadPort),
            ("https://a:65536", BadPort),
            ("https://user:pw@a", UserInfo),
            ("https://a/?x=1", Query),
            ("https://a#x", Query),
            ("https://a/b c", BadPath),
        ] {
            assert_eq!(Endpoint::parse(given), Err(fault), "{given}");
        }
        let long = format!("https://{}", "a".repeat(MAX_URL));
        assert_eq!(Endpoint::parse(&long), Err(TooLong));
    }

    proptest! {
        #[test]
        fn any_text_is_judged_and_what_is_read_reads_again(text in "(https?://)?.{0,40}") {
            if let Ok(endpoint) = Endpoint::parse(&text) {
                prop_assert_eq!(Endpoint::parse(&endpoint.to_string()), Ok(endpoint));
            }
        }
    }
}
