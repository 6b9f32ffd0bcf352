//! Opens listening sockets, with error messages for operators.

use std::io::{self, ErrorKind};

use tokio::net::TcpListener;

/// Why the server cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The address is not valid.
    #[error(
        "listen address {0:?} is not HOST:PORT or :PORT; write for example 127.0.0.1:10112, or \
         :10112 for all interfaces"
    )]
    Address(String),
    /// The port is already in use.
    #[error(
        "cannot listen on {0}: the port is taken, perhaps by another exporter on this machine; \
         stop that one or choose another port with --web.listen-address"
    )]
    InUse(String),
    /// The port needs privileges.
    #[error(
        "cannot listen on {0}: not permitted; ports below 1024 need privileges, so choose a \
         higher one with --web.listen-address"
    )]
    Denied(String),
    /// The address belongs to another machine, or the name cannot be resolved.
    #[error(
        "cannot listen on {0}: no interface of this machine has that address; choose one that \
         it has with --web.listen-address, or :PORT for all"
    )]
    NotHere(String),
    /// No socket was passed by systemd, though one was expected.
    #[error(
        "--web.systemd-socket is set, and systemd handed over no TCP socket: {0}; start it through \
         a .socket unit with ListenStream=ADDRESS:PORT, or leave the flag out"
    )]
    Systemd(String),
    /// Any other error.
    #[error("cannot listen on {address}: {source}")]
    Other {
        /// The address as it was given.
        address: String,
        /// The system's error.
        source: io::Error,
    },
}

/// Listens on `address`: `HOST:PORT`, or `:PORT` for all IPv4 and IPv6 interfaces (only IPv4 if the
/// machine has no IPv6). Port 0 selects a free port.
pub async fn bind(address: &str) -> Result<TcpListener, BindError> {
    let Some((host, port)) = address.rsplit_once(':') else {
        return Err(BindError::Address(address.to_owned()));
    };
    let Ok(port) = port.parse::<u16>() else {
        return Err(BindError::Address(address.to_owned()));
    };
    let listening = if host.is_empty() {
        bind_all(port).await
    } else {
        TcpListener::bind(address).await
    };
    listening.map_err(|error| explain(address, error))
}

/// Returns the TCP sockets that systemd passes to a service with a `.socket` unit.
pub fn systemd_sockets() -> Result<Vec<TcpListener>, BindError> {
    let mut handed = listenfd::ListenFd::from_env();
    let mut listeners = Vec::new();
    for index in 0..handed.len() {
        let taken = handed.take_tcp_listener(index).and_then(|taken| {
            let taken = taken.ok_or(ErrorKind::NotFound)?;
            taken.set_nonblocking(true)?;
            TcpListener::from_std(taken)
        });
        listeners.push(taken.map_err(|error| BindError::Systemd(error.to_string()))?);
    }
    if listeners.is_empty() {
        return Err(BindError::Systemd("there is none".to_owned()));
    }
    Ok(listeners)
}

/// Listens on all interfaces. On Linux a socket of `::` accepts IPv4 too.
async fn bind_all(port: u16) -> io::Result<TcpListener> {
    match TcpListener::bind(("::", port)).await {
        Ok(listener) => Ok(listener),
        // A second attempt with IPv4 would only hide these errors.
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::AddrInUse | ErrorKind::PermissionDenied
            ) =>
        {
            Err(error)
        }
        Err(_) => TcpListener::bind(("0.0.0.0", port)).await,
    }
}

fn explain(address: &str, source: io::Error) -> BindError {
    let address = address.to_owned();
    match source.kind() {
        ErrorKind::AddrInUse => BindError::InUse(address),
        ErrorKind::PermissionDenied => BindError::Denied(address),
        ErrorKind::AddrNotAvailable => BindError::NotHere(address),
        ErrorKind::InvalidInput => BindError::Address(address),
        _ => BindError::Other { address, source },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_port_in_use_is_named_with_what_to_do() {
        let first = bind("127.0.0.1:0").await.unwrap();
        let address = first.local_addr().unwrap().to_string();
        let error = bind(&address).await.unwrap_err();
        assert!(matches!(error, BindError::InUse(_)));
        let message = error.to_string();
        assert!(message.contains(&address), "{message}");
        assert!(message.contains("--web.listen-address"), "{message}");
    }

    #[tokio::test]
    async fn what_is_no_address_is_said_to_be_none() {
        for address in [
            "",
            "10112",
            "localhost",
            "127.0.0.1:",
            ":x",
            ":70000",
            "::1",
        ] {
            let error = bind(address).await.map(|_| ()).unwrap_err();
            let other = matches!(error, BindError::NotHere(_) | BindError::Other { .. });
            assert!(
                matches!(error, BindError::Address(_)) || (address == "::1" && other),
                "{address:?}: {error}"
            );
        }
    }

    #[tokio::test]
    async fn an_address_of_another_machine_is_refused() {
        // 192.0.2.0/24 is reserved for documentation (RFC 5737).
        let error = bind("192.0.2.1:0").await.unwrap_err();
        assert!(matches!(error, BindError::NotHere(_)), "{error}");
    }
}
