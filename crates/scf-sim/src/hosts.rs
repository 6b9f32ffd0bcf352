//! Hosts that a client of API 3.0 may have signed.

/// Domains of the vendor: public, international, and inside its own network.
const ROOTS: [&str; 3] = [
    "tencentcloudapi.com",
    "intl.tencentcloudapi.com",
    "internal.tencentcloudapi.com",
];

/// Returns the hosts that a client may have signed if its Host header is `sent`.
///
/// The vendor's clients differ when they call a host that is not the vendor's: Python signs and
/// sends host and port, Node signs only the host but sends the port too, and the command line tool
/// signs and sends a whole URL. Behind a proxy the signature contains the vendor's host.
pub(crate) fn signed_hosts(sent: &str, service: &str, region: &str) -> Vec<String> {
    let mut hosts = vec![sent.to_owned(), without_port(sent).to_owned()];
    let bare = without_scheme(sent);
    hosts.extend([bare.to_owned(), without_port(bare).to_owned()]);
    if !is_vendors(sent) {
        for root in ROOTS {
            hosts.push(format!("{service}.{root}"));
            hosts.push(format!("{service}.{region}.{root}"));
        }
    }
    hosts.sort();
    hosts.dedup();
    hosts
}

/// Returns the service that the first label of a vendor's host names.
pub(crate) fn service_of(sent: &str) -> Option<&str> {
    let host = without_port(without_scheme(sent));
    is_vendors(host).then(|| host.split('.').next().unwrap_or_default())
}

fn is_vendors(sent: &str) -> bool {
    without_port(without_scheme(sent))
        .strip_suffix(ROOTS[0])
        .is_some_and(|front| front.ends_with('.'))
}

fn without_scheme(host: &str) -> &str {
    let bare = host
        .strip_prefix("http://")
        .or_else(|| host.strip_prefix("https://"));
    bare.unwrap_or(host).trim_end_matches('/')
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bears_what_the_vendors_clients_sign() {
        for (sent, signed) in [
            ("127.0.0.1:9000", "127.0.0.1:9000"),
            ("127.0.0.1:9000", "127.0.0.1"),
            ("127.0.0.1:9000", "scf.tencentcloudapi.com"),
            ("127.0.0.1:9000", "scf.ap-x.tencentcloudapi.com"),
            ("127.0.0.1:9000", "scf.internal.tencentcloudapi.com"),
            ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
            ("http://127.0.0.1:9000", "127.0.0.1:9000"),
            ("scf.tencentcloudapi.com", "scf.tencentcloudapi.com"),
            ("scf.tencentcloudapi.com:443", "scf.tencentcloudapi.com"),
        ] {
            let hosts = signed_hosts(sent, "scf", "ap-x");
            assert!(hosts.contains(&signed.to_owned()), "{sent} {signed}");
        }
        // A client that reached a host of the vendor must have signed that host.
        let hosts = signed_hosts("cls.tencentcloudapi.com", "cls", "ap-x");
        assert_eq!(hosts, ["cls.tencentcloudapi.com"]);
    }

    #[test]
    fn the_first_label_of_a_vendors_host_is_the_service() {
        assert_eq!(service_of("scf.tencentcloudapi.com"), Some("scf"));
        assert_eq!(service_of("cls.ap-x.tencentcloudapi.com:443"), Some("cls"));
        assert_eq!(service_of("https://sts.tencentcloudapi.com"), Some("sts"));
        assert_eq!(service_of("nottencentcloudapi.com"), None);
        assert_eq!(service_of("127.0.0.1:9000"), None);
    }
}
