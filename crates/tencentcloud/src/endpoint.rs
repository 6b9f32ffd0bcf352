//! Where the API is: scheme, host, port and path.

use std::fmt;

use super::service::Service;

/// The host of the v2 module of functions; the region travels as a parameter.
const V2_HOST: &str = "scf.api.qcloud.com";

/// What the hosts of API 3.0 end in.
const V3_ROOT: &str = "tencentcloudapi.com";

/// What the names of finance regions end in. They are reached at hosts of their own only.
const FINANCE: &str = "-fsi";

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

/// Which of the vendor's addresses are used, where none is given by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Domain {
    /// `scf.tencentcloudapi.com`; for a finance region `scf.ap-shanghai-fsi.tencentcloudapi.com`.
    #[default]
    Public,
    /// `scf.intl.tencentcloudapi.com`, for accounts of the international site.
    International,
    /// `scf.internal.tencentcloudapi.com`, from machines inside the cloud.
    Internal,
}

/// An address of one API.
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
    /// The vendor's own address. API 3.0 takes the region as a header, so but for finance regions
    /// one host serves all; the legacy API has one host whatever the domain.
    pub fn of(service: Service, region: &str, domain: Domain) -> Self {
        let name = service.name();
        let host = match (service, domain) {
            (Service::V2, _) => V2_HOST.to_owned(),
            (_, Domain::Public) if is_finance(region) => format!("{name}.{region}.{V3_ROOT}"),
            (_, Domain::Public) => format!("{name}.{V3_ROOT}"),
            (_, Domain::International) => format!("{name}.intl.{V3_ROOT}"),
            (_, Domain::Internal) => format!("{name}.internal.{V3_ROOT}"),
        };
        Self {
            scheme: Scheme::Https,
            host,
            port: None,
            path: service.path().to_owned(),
        }
    }

    /// Reads `scheme://host[:port][/path]`. Without a path it is `/v2/index.php` for the legacy
    /// API and `/` for the others.
    pub fn parse(service: Service, url: &str) -> Result<Self, EndpointError> {
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
        let endpoint = Self {
            scheme,
            host,
            port: port.filter(|port| *port != scheme.default_port()),
            path: parse_path(service, path)?,
        };
        endpoint
            .is_sent_as_signed()
            .then_some(endpoint)
            .ok_or(EndpointError::BadHost)
    }

    /// Whether the HTTP library takes the address, and leaves its host as it is: `1.2.3.4.5` is no
    /// host to it, and `0x7f.1` another one.
    fn is_sent_as_signed(&self) -> bool {
        let url = reqwest::Url::parse(&self.to_string());
        url.is_ok_and(|url| url.host_str() == Some(self.host.as_str()))
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

fn parse_path(service: Service, path: &str) -> Result<String, EndpointError> {
    match path {
        "" | "/" => Ok(service.path().to_owned()),
        _ if path.bytes().all(|b| b.is_ascii_graphic()) => Ok(path.to_owned()),
        _ => Err(EndpointError::BadPath),
    }
}

/// A region that is no part of a host name, which nobody can reach, is none.
fn is_finance(region: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    region.ends_with(FINANCE) && region.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The hosts of the vendor's pages on domains, and of its clients' READMEs.
    #[test]
    fn the_vendors_addresses_are_known() {
        use Domain::*;
        for (service, region, domain, whole) in [
            (
                Service::Scf,
                "ap-guangzhou",
                Public,
                "https://scf.tencentcloudapi.com/",
            ),
            (
                Service::Scf,
                "ap-shanghai-fsi",
                Public,
                "https://scf.ap-shanghai-fsi.tencentcloudapi.com/",
            ),
            (
                Service::Cls,
                "ap-shenzhen-fsi",
                Public,
                "https://cls.ap-shenzhen-fsi.tencentcloudapi.com/",
            ),
            (
                Service::Cls,
                "ap-singapore",
                International,
                "https://cls.intl.tencentcloudapi.com/",
            ),
            (
                Service::Scf,
                "ap-shanghai-fsi",
                Internal,
                "https://scf.internal.tencentcloudapi.com/",
            ),
            (Service::Sts, "", Public, "https://sts.tencentcloudapi.com/"),
            (
                Service::Sts,
                "a.b/-fsi",
                Public,
                "https://sts.tencentcloudapi.com/",
            ),
        ] {
            assert_eq!(Endpoint::of(service, region, domain).to_string(), whole);
        }
        for domain in [Public, International, Internal] {
            let endpoint = Endpoint::of(Service::V2, "ap-shanghai-fsi", domain);
            assert_eq!(
                endpoint.to_string(),
                "https://scf.api.qcloud.com/v2/index.php"
            );
            assert_eq!(endpoint.authority(), "scf.api.qcloud.com");
        }
    }

    #[test]
    fn api_3_is_at_the_root_unless_a_path_is_given() {
        for (given, whole) in [
            ("http://127.0.0.1:18080", "http://127.0.0.1:18080/"),
            ("http://127.0.0.1:18080/", "http://127.0.0.1:18080/"),
            ("http://127.0.0.1:18080/x", "http://127.0.0.1:18080/x"),
        ] {
            let endpoint = Endpoint::parse(Service::Cls, given).unwrap();
            assert_eq!(endpoint.to_string(), whole);
        }
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
            assert_eq!(
                Endpoint::parse(Service::V2, given).unwrap().to_string(),
                whole
            );
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
            ("https://a!b", BadHost),
            ("https://1.2.3.4.5", BadHost),
            ("https://0x7f.1", BadHost),
            ("https://[0:0::1]", BadHost),
            ("https://a:", BadPort),
            ("https://a:0", BadPort),
            ("https://a:+80", BadPort),
            ("https://a:65536", BadPort),
            ("https://user:pw@a", UserInfo),
            ("https://a/?x=1", Query),
            ("https://a#x", Query),
            ("https://a/b c", BadPath),
        ] {
            assert_eq!(Endpoint::parse(Service::V2, given), Err(fault), "{given}");
        }
        let long = format!("https://{}", "a".repeat(MAX_URL));
        assert_eq!(Endpoint::parse(Service::V2, &long), Err(TooLong));
    }

    proptest! {
        #[test]
        fn any_text_is_judged_and_what_is_read_reads_again(text in "(https?://)?.{0,40}") {
            if let Ok(endpoint) = Endpoint::parse(Service::V2, &text) {
                prop_assert_eq!(Endpoint::parse(Service::V2, &endpoint.to_string()), Ok(endpoint));
            }
        }
    }
}
