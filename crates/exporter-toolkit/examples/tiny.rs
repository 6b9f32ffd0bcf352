//! The smallest exporter: one counter behind a web configuration file.
//!
//! `cargo run -p exporter-toolkit --example tiny -- 127.0.0.1:9000 [WEB_CONFIG_FILE]`

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use exporter_toolkit::{Handler, Limits, ListenAddress, WebConfig, bind, serve};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};

/// A handler that counts its scrapes.
#[derive(Default)]
struct Scrapes(AtomicU64);

impl Handler for Scrapes {
    type Body = Full<Bytes>;

    async fn handle(&self, request: Request<Incoming>) -> Response<Self::Body> {
        let mut response = Response::new(Full::default());
        if request.uri().path() == "/metrics" {
            let count = self.0.fetch_add(1, Ordering::Relaxed) + 1;
            *response.body_mut() =
                format!("# TYPE scrapes counter\nscrapes_total {count}\n").into();
        } else {
            *response.status_mut() = StatusCode::NOT_FOUND;
        }
        response
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:9000".into());
    let file = arguments.next().map(PathBuf::from);
    let config = Arc::new(WebConfig::load(file.as_deref())?);
    let listener = bind(&ListenAddress::parse(&address)?).await?;
    println!("serving on {}", listener.local_addr()?);
    let stop = async {
        let _stopped = tokio::signal::ctrl_c().await;
    };
    let handler = Arc::new(Scrapes::default());
    serve(vec![listener], handler, config, Limits::of_process(), stop).await;
    Ok(())
}
