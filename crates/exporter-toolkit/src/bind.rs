//! Opens listening sockets, with error messages for operators.

use std::io::{self, ErrorKind};

use tokio::net::TcpListener;

use crate::ListenAddress;

/// Why the server cannot listen. The text says what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BindError(String);

/// Listens on `address`; without an interface on all of IPv4 and IPv6 (only IPv4 if the machine has
/// no IPv6). Port 0 selects a free port.
pub async fn bind(address: &ListenAddress) -> Result<TcpListener, BindError> {
    let listening = match address.ip {
        Some(ip) => TcpListener::bind((ip, address.port)).await,
        None => bind_all(address.port).await,
    };
    listening.map_err(|error| explain(address, &error))
}

/// Returns the TCP sockets that systemd passes to a service with a `.socket` unit.
pub fn systemd_sockets() -> Result<Vec<TcpListener>, BindError> {
    let mut passed = listenfd::ListenFd::from_env();
    let count = passed.len();
    let take = |index| {
        let taken = passed.take_tcp_listener(index)?;
        let taken = taken.ok_or(ErrorKind::NotFound)?;
        taken.set_nonblocking(true)?;
        TcpListener::from_std(taken)
    };
    let taken: io::Result<Vec<TcpListener>> = (0..count).map(take).collect();
    let problem = match taken {
        Ok(listeners) if !listeners.is_empty() => return Ok(listeners),
        Ok(_) => "there is none".to_owned(),
        Err(error) => error.to_string(),
    };
    Err(BindError(format!(
        "--web.systemd-socket is set, and systemd handed over no TCP socket: {problem}; start it \
         through a .socket unit with ListenStream=ADDRESS:PORT, or leave the flag out"
    )))
}

/// Listens on all interfaces. On Linux a socket of `::` accepts IPv4 too.
async fn bind_all(port: u16) -> io::Result<TcpListener> {
    use ErrorKind::{AddrInUse, PermissionDenied};
    match TcpListener::bind(("::", port)).await {
        // With these errors a second attempt with IPv4 would only hide the cause.
        Err(error) if !matches!(error.kind(), AddrInUse | PermissionDenied) => {
            TcpListener::bind(("0.0.0.0", port)).await
        }
        listening => listening,
    }
}

fn explain(address: &ListenAddress, error: &io::Error) -> BindError {
    let reason = match error.kind() {
        ErrorKind::AddrInUse => {
            "the port is taken, perhaps by another exporter on this machine; stop that one or choose \
             another port with --web.listen-address"
        }
        ErrorKind::PermissionDenied => {
            "not permitted; ports below 1024 need privileges, so choose a higher one with \
             --web.listen-address"
        }
        ErrorKind::AddrNotAvailable => {
            "no interface of this machine has that address; choose one that it has with \
             --web.listen-address, or :PORT for all"
        }
        _ => &error.to_string(),
    };
    BindError(format!("cannot listen on {address}: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn errors_say_what_to_do() {
        let parsed = |text: &str| ListenAddress::parse(text).unwrap();
        let first = bind(&parsed("127.0.0.1:0")).await.unwrap();
        let taken = first.local_addr().unwrap().to_string();
        // 192.0.2.0/24 is reserved for documentation (RFC 5737).
        for (address, reason) in [
            (taken.as_str(), "the port is taken"),
            ("192.0.2.1:0", "no interface of this machine"),
        ] {
            let error = bind(&parsed(address)).await.unwrap_err().to_string();
            let begin = format!("cannot listen on {address}: {reason}");
            assert!(error.starts_with(&begin), "{error}");
            assert!(error.contains("--web.listen-address"), "{error}");
        }
    }
}
