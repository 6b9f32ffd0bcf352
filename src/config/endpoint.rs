//! Checks addresses of APIs that replace the vendor's own.

use exporter_toolkit::quote;
use tencentcloud::{Endpoint, EndpointError, Service};

/// Checks an endpoint by the rule of the client that will use it: `http` or `https`, a host, an
/// optional port and path, and nothing else.
///
/// The message never repeats a URL that holds a user or a password.
pub(super) fn parse_endpoint(text: &str) -> Result<String, String> {
    let shape = "write https://HOST, with :PORT and /PATH where needed";
    if text.contains('@') {
        return Err(format!(
            "holds a user or a password, which requests never send: {shape}"
        ));
    }
    // The rule is the same for every service, except for the default path.
    let fault = match Endpoint::parse(Service::Scf, text) {
        Ok(_) => return Ok(text.to_owned()),
        Err(fault) => fault,
    };
    let shown = quote(text);
    Err(match fault {
        EndpointError::Query => format!("{shown} has a query or a fragment: {shape}"),
        EndpointError::BadPort => format!("{shown} has a port that is not 1 to 65535: {shape}"),
        EndpointError::BadHost => format!("{shown} has a host that nothing can have: {shape}"),
        EndpointError::BadPath => format!("{shown} has a path that is not plain ASCII: {shape}"),
        EndpointError::TooLong => format!("is longer than an address can be: {shape}"),
        EndpointError::NoScheme
        | EndpointError::UnknownScheme
        | EndpointError::NoHost
        | EndpointError::UserInfo => format!("{shown} is no endpoint: {shape}"),
    })
}

/// Returns a checked endpoint up to host and port.
pub(super) fn without_path(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + 3);
    let end = url[host..].find('/').map_or(url.len(), |at| host + at);
    &url[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_that_are_fine() {
        for good in [
            "https://scf.api.qcloud.com",
            "https://scf.api.qcloud.com/v2/index.php",
            "http://127.0.0.1:8080",
            "http://[::1]:8080/x",
        ] {
            assert_eq!(parse_endpoint(good).as_deref(), Ok(good));
        }
    }

    #[test]
    fn endpoints_that_are_not() {
        for bad in [
            "",
            "scf.api.qcloud.com",
            "ftp://h",
            "http:/h",
            "http://",
            "http://h:99999",
            "http://h:0",
            "https://a!b",
            "https://1.2.3.4.5",
            "http://h/?a=b",
            "http://h/#f",
            "http://h /",
            "http://h\\x",
            "http:\\\\h",
        ] {
            assert!(parse_endpoint(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_password_is_not_repeated() {
        let message = parse_endpoint("https://user:hunter2@host/").unwrap_err();
        assert!(!message.contains("hunter2"), "{message}");
    }

    #[test]
    fn the_path_can_be_left_off() {
        for (url, expected) in [
            ("https://h", "https://h"),
            ("https://h/", "https://h"),
            ("http://[::1]:80/v2/index.php", "http://[::1]:80"),
        ] {
            assert_eq!(without_path(url), expected);
        }
    }
}
