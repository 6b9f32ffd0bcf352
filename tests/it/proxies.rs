//! The way to the cloud leads through a proxy that the environment names: SOCKS works, and where the
//! proxy is what fails, the message names it and not the endpoint.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use crate::support::process::{Program, Simulator, free_address, get, scrape, until};

const LIMIT: Duration = Duration::from_secs(30);

/// Serves every connection by `serve`, on a thread of its own; gives the address.
fn listen(serve: impl Fn(TcpStream) -> Option<()> + Clone + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = serve.clone();
            thread::spawn(move || serve(stream));
        }
    });
    address
}

/// SOCKS 5 as RFC 1928 has it, without authentication: whatever name is asked for, `target` is
/// meant.
fn socks(mut client: TcpStream, target: &str) -> Option<()> {
    let mut head = [0; 2];
    client.read_exact(&mut head).ok()?;
    let mut methods = vec![0; usize::from(head[1])];
    client.read_exact(&mut methods).ok()?;
    client.write_all(&[5, 0]).ok()?;
    let mut request = [0; 5];
    client.read_exact(&mut request).ok()?;
    // Version 5, connect, a name and not an address: the proxy is to look it up.
    assert_eq!((request[0], request[1], request[3]), (5, 1, 3));
    let mut name = vec![0; usize::from(request[4]) + 2];
    client.read_exact(&mut name).ok()?;
    assert_eq!(&name[..name.len() - 2], b"cloud.example");
    let mut cloud = TcpStream::connect(target).ok()?;
    client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).ok()?;
    let (mut from, mut to) = (client.try_clone().ok()?, cloud.try_clone().ok()?);
    thread::spawn(move || {
        let _copied = std::io::copy(&mut from, &mut to);
        let _closed = to.shutdown(Shutdown::Write);
    });
    let _copied = std::io::copy(&mut cloud, &mut client);
    Some(())
}

/// An exporter that reads `endpoint` with these variables; gives its address too.
fn exporter(endpoint: &str, variables: &[(&str, &str)]) -> (Program, String) {
    let address = free_address();
    let line = format!(
        "run --api cls --region ap-guangzhou --endpoint {endpoint} --state.path= \
         --web.listen-address {address} --web.zero-first 0s"
    );
    (Program::start(&line, variables, None), address)
}

const KEYS: [(&str, &str); 2] = [
    ("TENCENTCLOUD_SECRET_ID", "AKIDx"),
    ("TENCENTCLOUD_SECRET_KEY", "k"),
];

/// What the status tells of the one source, once it tells a failure.
fn failure(endpoint: &str, variables: &[(&str, &str)]) -> String {
    let variables = [&KEYS, variables].concat();
    let (program, address) = exporter(endpoint, &variables);
    let told = until(LIMIT, "a failure on the status page", || {
        let status = get(&address, "/api/v1/status")?;
        let status: serde_json::Value = serde_json::from_str(&status).unwrap();
        let text = status.to_string();
        text.contains("cloud.example").then_some(text)
    });
    program.kill();
    told
}

#[test]
fn a_socks_proxy_leads_to_the_cloud() {
    let cloud = Simulator::start("--functions 3");
    let target = cloud.address.clone();
    let proxy = listen(move |client| socks(client, &target));
    let proxy = format!("socks5h://{proxy}");
    let [id, key] = cloud.keys();
    let variables = [id, key, ("ALL_PROXY", &proxy)];
    let (program, address) = exporter("http://cloud.example", &variables);
    until(LIMIT, "counted invocations", || {
        (scrape(&address)?.sum("scf_invocations_total", &[]) > 0.0).then_some(())
    });
    program.kill();
}

#[test]
fn a_proxy_that_fails_is_named() {
    let refusing = listen(|mut client| {
        let mut buffer = [0; 4_096];
        let _read = client.read(&mut buffer).ok()?;
        let answer = "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n";
        client.write_all(answer.as_bytes()).ok()
    });
    let nobody = free_address();
    for (endpoint, variable, scheme, proxy) in [
        ("https://cloud.example", "HTTPS_PROXY", "http", &nobody),
        ("http://cloud.example", "HTTP_PROXY", "http", &nobody),
        ("https://cloud.example", "ALL_PROXY", "socks5h", &nobody),
        ("https://cloud.example", "HTTPS_PROXY", "http", &refusing),
        ("http://cloud.example", "http_proxy", "http", &refusing),
    ] {
        let value = format!("{scheme}://user:hunter2@{proxy}");
        let told = failure(endpoint, &[(variable, value.as_str())]);
        let expected = format!("through the proxy {scheme}://{proxy}");
        assert!(told.contains(&expected), "{variable}: {told}");
        assert!(!told.contains("name lookup"), "{variable}: {told}");
        assert!(!told.contains("hunter2"), "{variable}: {told}");
    }
}
