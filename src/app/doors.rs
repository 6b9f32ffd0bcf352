//! The ports of an exporter. They are taken first, so that its addresses are known before the state is
//! opened and credentials are searched, which can take a while.

use std::net::SocketAddr;

use tokio::net::TcpListener;

use super::BuildError;
use crate::config::{self, Config};
use crate::web::{self, BindError, WebConfig};

/// The bound ports and the web configuration of an exporter that is not built yet.
pub struct Doors {
    pub(super) toolkit: WebConfig,
    pub(super) listeners: Vec<TcpListener>,
}

impl Doors {
    /// Reads the web configuration file and binds the ports.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub async fn open(config: &Config) -> Result<Self, BuildError> {
        Ok(Self {
            toolkit: WebConfig::load(config.web.config_file.as_deref())?,
            listeners: listen(&config.web).await?,
        })
    }

    /// Returns the bound addresses, at least one.
    ///
    /// # Errors
    /// Fails if the system does not report an address.
    pub fn addresses(&self) -> std::io::Result<Vec<SocketAddr>> {
        self.listeners.iter().map(TcpListener::local_addr).collect()
    }

    /// Returns whether the exporter serves HTTPS.
    pub fn is_encrypted(&self) -> bool {
        self.toolkit.is_encrypted()
    }
}

/// Returns the sockets of systemd if they are configured, otherwise one for each address.
async fn listen(web: &config::Web) -> Result<Vec<TcpListener>, BindError> {
    if web.systemd_socket {
        return web::systemd_sockets();
    }
    let mut listeners = Vec::new();
    for address in &web.listen_addresses {
        listeners.push(web::bind(address).await?);
    }
    Ok(listeners)
}
