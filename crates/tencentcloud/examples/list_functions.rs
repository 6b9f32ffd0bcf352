//! Lists the functions of a region: `list_functions REGION [ENDPOINT]`.
//!
//! Keys come from where the vendor's own tools look for them, such as `TENCENTCLOUD_SECRET_ID` and
//! `TENCENTCLOUD_SECRET_KEY`.

use std::error::Error;
use std::sync::Arc;

use serde_json::{Value, json};
use tencentcloud::runtime::Runtime;
use tencentcloud::{Client, ClientConfig, Endpoint, HttpLimits, HttpTransport, Service, Sources};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let region = arguments
        .next()
        .ok_or("name a region, such as ap-guangzhou")?;
    let mut config = ClientConfig::new(Service::Scf, region);
    if let Some(url) = arguments.next() {
        config.endpoint = Endpoint::parse(Service::Scf, &url)?;
    }
    let environment = Arc::new(|name: &str| std::env::var(name).ok());
    let (credentials, origin) = Sources::new(None, environment).load()?;
    println!("keys from {origin}");
    let client = Client::new(
        config,
        Arc::new(credentials),
        Arc::new(HttpTransport::new(HttpLimits::default())),
        Runtime::system(),
        Arc::new(()),
    );
    let page: Value = client
        .call_json("ListFunctions", &json!({ "Limit": 20 }))
        .await?;
    for function in page["Functions"].as_array().into_iter().flatten() {
        println!("{}", function["FunctionName"].as_str().unwrap_or_default());
    }
    println!("{} functions in all", page["TotalCount"]);
    Ok(())
}
