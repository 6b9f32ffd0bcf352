//! The address of an API, where it is not the vendor's own.

use reqwest::Url;

use super::fault::quote;

/// Checks an endpoint: `http` or `https`, a host, a port and a path if need be, nothing else.
///
/// The message never repeats a URL that holds a user or a password.
pub(super) fn parse_endpoint(text: &str) -> Result<String, String> {
    let shape = "write https://HOST, with :PORT and /PATH where needed";
    if text.len() > 500 {
        return Err(format!("is longer than 500 bytes: {shape}"));
    }
    if text.contains('@') {
        return Err(format!(
            "holds a user or a password, which requests never send: {shape}"
        ));
    }
    let written = text.starts_with("http://") || text.starts_with("https://");
    let plain = text.chars().all(|c| c.is_ascii_graphic() && c != '\\');
    let url = Url::parse(text).ok().filter(|_| written && plain);
    let Some(url) = url else {
        return Err(format!("{} is no endpoint: {shape}", quote(text)));
    };
    if url.query().is_some() || url.fragment().is_some() {
        return Err(format!(
            "{} has a query or a fragment: {shape}",
            quote(text)
        ));
    }
    Ok(text.to_owned())
}

/// A checked endpoint up to the end of host and port.
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
