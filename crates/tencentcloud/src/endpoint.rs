//! The address of an API: scheme, host, port and path.

use std::fmt;

use super::service::Service;

/// The host of the legacy function API. The region is a parameter.
const V2_HOST: &str = "scf.api.qcloud.com";

/// Domain of all hosts of API 3.0.
const V3_ROOT: &str = "tencentcloudapi.com";

/// Suffix of the finance regions, which have hosts of their own.
const FINANCE: &str = "-fsi";

/// Maximum length of an address, in bytes.
const MAX_URL: usize = 2_048;

/// Whether TLS is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Plain HTTP, for simulators and proxies on the same machine.
    Http,
    /// HTTP over TLS.
    Https,
}

/// The domain of the vendor's default addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Domain {
    /// `scf.tencentcloudapi.com`, and `scf.ap-shanghai-fsi.tencentcloudapi.com` for a finance
    /// region.
    #[default]
    Public,
    /// `scf.intl.tencentcloudapi.com`, for accounts of the international site.
    International,
    /// `scf.internal.tencentcloudapi.com`, for machines inside the cloud.
    Internal,
}

/// The address of an API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    scheme: Scheme,
    host: String,
    port: Option<u16>,
    path: String,
}

/// Why a text is not a valid endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// The address is too long.
    #[error("the endpoint is longer than {MAX_URL} bytes")]
    TooLong,
    /// The scheme is missing.
    #[error("the endpoint has no scheme; write https://HOST or http://HOST:PORT")]
    NoScheme,
    /// The scheme is neither HTTP nor HTTPS.
    #[error("the endpoint's scheme must be http or https")]
    UnknownScheme,
    /// The host is missing.
    #[error("the endpoint has no host; write https://HOST or http://HOST:PORT")]
    NoHost,
    /// The host has an invalid character.
    #[error("the endpoint's host holds a character that no host name has")]
    BadHost,
    /// The port is not a number from 1 to 65535.
    #[error("the endpoint's port must be a number from 1 to 65535")]
    BadPort,
    /// The address contains `user:password@`.
    #[error("the endpoint holds a user name; credentials do not belong into the address")]
    UserInfo,
    /// The address contains `?` or `#`.
    #[error("the endpoint has a query or fragment; parameters are added by the exporter itself")]
    Query,
    /// The path contains spaces, control characters or non-ASCII characters.
    #[error("the endpoint's path must be printable ASCII without spaces")]
    BadPath,
}

// === impl Endpoint ===

impl Endpoint {
    /// Returns the vendor's default address. API 3.0 has one host for all regions except finance
    /// regions, because the region is a header. The legacy API has one host for all domains.
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

    /// Parses `scheme://host[:port][/path]`. The default path is `/v2/index.php` for the legacy API
    /// and `/` for the others.
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

    /// Returns whether the HTTP library accepts the address and does not change its host: it
    /// rejects `1.2.3.4.5`, and rewrites `0x7f.1`.
    fn is_sent_as_signed(&self) -> bool {
        let url = reqwest::Url::parse(&self.to_string());
        url.is_ok_and(|url| url.host_str() == Some(self.host.as_str()))
    }

    /// Returns the host as it is signed and sent in `Host`, with the port if it is not the default.
    pub fn authority(&self) -> String {
        match self.port {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.clone(),
        }
    }

    /// Returns the path, which starts with `/`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns the scheme.
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
    // The port follows the last colon outside brackets, as in `[::1]:8080`.
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

/// Converts the host to lower case, as the HTTP library does, so that the signed host is the one
/// that is sent.
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

/// Returns whether this is the name of a finance region that is valid in a host name.
fn is_finance(region: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    region.ends_with(FINANCE) && region.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The hosts of the vendor's pages on domains and of its clients' READMEs.
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
    fn an_override_keeps_what_it_does_not_name() {
        for (service, given_and_whole) in [
            (
                Service::Cls,
                "http://127.0.0.1:18080 http://127.0.0.1:18080/",
            ),
            (
                Service::Cls,
                "http://127.0.0.1:18080/ http://127.0.0.1:18080/",
            ),
            (
                Service::Cls,
                "http://127.0.0.1:18080/x http://127.0.0.1:18080/x",
            ),
            (
                Service::V2,
                "http://127.0.0.1:18080 http://127.0.0.1:18080/v2/index.php",
            ),
            (
                Service::V2,
                "http://127.0.0.1:18080/ http://127.0.0.1:18080/v2/index.php",
            ),
            (Service::V2, "http://localhost:9/x/y http://localhost:9/x/y"),
            (
                Service::V2,
                "HTTPS://Scf.API.qcloud.com:443 https://scf.api.qcloud.com/v2/index.php",
            ),
            (Service::V2, "http://a:443 http://a:443/v2/index.php"),
            (Service::V2, "http://[::1]:80 http://[::1]/v2/index.php"),
            (Service::V2, "http://[::1] http://[::1]/v2/index.php"),
            (Service::V2, "http://[FE80::1]:81/p http://[fe80::1]:81/p"),
        ] {
            let (given, whole) = given_and_whole.split_once(' ').unwrap();
            assert_eq!(Endpoint::parse(service, given).unwrap().to_string(), whole);
        }
    }

    #[test]
    fn each_fault_has_its_own_error() {
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
