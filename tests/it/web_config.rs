//! The web configuration file: what is accepted and refused, and what it does to connections and
//! requests. `tests/e2e/check_web_config.py` holds the same files against Prometheus' own judge.

mod certs;
mod client;
mod handshakes;

use std::fs;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use certs::Authority;
use client::{Server, get, status};
use scf_exporter::web::WebConfig;

/// Accepted by the toolkit and refused here, with what the refusal speaks of. `docs/SECURITY.md`
/// tells why.
const DIFFER: &[(&str, &str)] = &[
    ("authority-holds-none", "holds no certificate"),
    ("cipher-cbc", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"),
    ("cipher-none-for-version", "holds no suite of TLS 1.2"),
    ("client-verified-by-anybody", "write client_ca_file"),
    ("curve-p521", "CurveP521"),
    ("hash-damaged", "is cut or damaged"),
    ("hash-version", "is no hash by bcrypt"),
    ("header-control", "holds a control character"),
    ("interval-fraction-without-unit", "`1.5` cannot be read"),
    ("key-p521", "P-256 or P-384"),
    ("second-document", "a second document"),
    ("tag", "a tag (!...)"),
    ("version-none-left", "leaves no version"),
    ("version-tls10", "TLS10"),
    ("version-tls11", "TLS11"),
];
/// Files with keys that only other programs make.
const OTHER_KEYS: &[&str] = &["tls-rsa", "key-p521"];
/// Of the password `open sesame`, as libxcrypt made it.
const SESAME: &str = "$2b$04$abcdefghijklmnopqrstuu/LVz6MZlItEy42I2juLihZ66HnQx/cy";

struct Folder {
    folder: tempfile::TempDir,
    authority: Authority,
}

impl Folder {
    fn new() -> Self {
        let (folder, authority) = (tempfile::tempdir().unwrap(), Authority::new("authority"));
        certs::lay_out(folder.path(), &authority);
        Self { folder, authority }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// Puts a file in place of another, as those do who do not want half of one to be seen.
    fn replace(&self, name: &str, text: &str) {
        let new = self.write("new", text);
        fs::rename(new, self.path(name)).unwrap();
    }
}

/// The files of one kind, by name.
fn cases(kind: &str) -> Vec<(String, String)> {
    let root = crate::support::root().join("tests/data/web-config");
    let mut cases = Vec::new();
    for entry in fs::read_dir(root.join(kind)).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if !OTHER_KEYS.contains(&name.as_str()) {
            cases.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
    cases.sort();
    assert!(!cases.is_empty());
    cases
}

fn verdict(folder: &Folder, text: &str) -> Result<(), String> {
    let path = folder.write("web.yml", text);
    let loaded = WebConfig::load(Some(&path)).map(|_| ());
    loaded.map_err(|faults| faults.to_string())
}

fn basic(text: &str) -> String {
    format!("Authorization: Basic {}\r\n", STANDARD.encode(text))
}

fn users(name: &str) -> String {
    format!("basic_auth_users: {{{name}: {SESAME}}}\n")
}

const TLS: &str = "tls_server_config: {cert_file: server.crt, key_file: server.key}\n";

#[test]
fn good_files_are_accepted_and_bad_ones_refused_by_line() {
    let folder = Folder::new();
    for (name, text) in cases("good") {
        assert_eq!(verdict(&folder, &text), Ok(()), "{name}");
    }
    for (name, text) in cases("bad") {
        let refusal = verdict(&folder, &text).expect_err(&name);
        assert!(refusal.contains("web.yml:"), "{name}: no line in {refusal}");
        assert!(!refusal.contains("open sesame"), "{name}: {refusal}");
    }
}

#[test]
fn what_the_toolkit_would_take_is_refused_by_name() {
    let folder = Folder::new();
    let names: Vec<String> = cases("differ").into_iter().map(|(name, _)| name).collect();
    let listed = DIFFER.iter().map(|(name, _)| *name);
    let listed: Vec<&str> = listed.filter(|name| !OTHER_KEYS.contains(name)).collect();
    assert_eq!(names, listed);
    for (name, text) in cases("differ") {
        let refusal = verdict(&folder, &text).expect_err(&name);
        let (_, words) = DIFFER.iter().find(|(listed, _)| *listed == name).unwrap();
        assert!(refusal.contains(words), "{name}: no {words:?} in {refusal}");
    }
}

#[test]
fn a_file_that_is_not_there_says_so() {
    let folder = Folder::new();
    let refusal = WebConfig::load(Some(&folder.path("absent.yml"))).unwrap_err();
    assert!(refusal.to_string().contains("cannot be read"), "{refusal}");
}

#[tokio::test]
async fn every_path_asks_for_the_password() {
    let folder = Folder::new();
    let server = Server::start(&folder.write("web.yml", &users("alice"))).await;
    let right = basic("alice:open sesame");
    for path in ["/", "/metrics", "/-/healthy", "/-/ready", "/nothing"] {
        for given in [
            String::new(),
            basic("alice:wrong"),
            basic("bob:open sesame"),
            basic("alice"),
            "Authorization: Bearer x\r\n".to_owned(),
        ] {
            let answer = server.ask(&get(path, &given)).await;
            assert_eq!(status(&answer), 401, "{path} {given}");
            assert!(answer.contains("www-authenticate: Basic"), "{answer}");
            assert!(!answer.contains("scf_"), "{answer}");
        }
        let expected = if path == "/nothing" { 404 } else { 200 };
        let answer = server.ask(&get(path, &right)).await;
        assert_eq!(status(&answer), expected, "{path}");
    }
    let post = get("/-/quit", "").replace("GET", "POST");
    assert_eq!(status(&server.ask(&post).await), 401);
}

#[tokio::test]
async fn the_headers_are_on_every_answer() {
    let folder = Folder::new();
    let headers = "http_server_config: {headers: {X-Frame-Options: deny, \
                   Content-Security-Policy: \"default-src 'self'\"}}\n";
    let file = folder.write("web.yml", &format!("{headers}{}", users("alice")));
    let server = Server::start(&file).await;
    let right = basic("alice:open sesame");
    for (path, given) in [("/", &right), ("/metrics", &right), ("/x", &right)] {
        let answer = server.ask(&get(path, given)).await;
        assert!(answer.contains("\r\nx-frame-options: deny\r\n"), "{answer}");
        let policy = "\r\ncontent-security-policy: default-src 'self'\r\n";
        assert_eq!(answer.matches("content-security-policy").count(), 1);
        assert!(answer.contains(policy), "{answer}");
    }
    let answer = server.ask(&get("/", "")).await;
    assert!(answer.contains("\r\nx-frame-options: deny\r\n"), "{answer}");
}

#[tokio::test]
async fn more_requests_than_allowed_are_refused_before_any_password() {
    let folder = Folder::new();
    let limit = "rate_limit: {interval: 1h, burst: 3}\n";
    let file = folder.write("web.yml", &format!("{limit}{}", users("alice")));
    let server = Server::start(&file).await;
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(status(&server.ask(&get("/-/healthy", "")).await));
    }
    let right = basic("alice:open sesame");
    seen.push(status(&server.ask(&get("/-/healthy", &right)).await));
    assert_eq!(seen, [401, 401, 401, 429]);
    // A change of something else does not fill the bucket, one of the limit does.
    folder.replace("web.yml", limit);
    server.look_twice();
    assert_eq!(status(&server.ask(&get("/-/healthy", "")).await), 429);
    folder.replace("web.yml", "rate_limit: {interval: 1h, burst: 1}\n");
    server.look_twice();
    assert_eq!(status(&server.ask(&get("/-/healthy", "")).await), 200);
}

#[tokio::test]
async fn a_changed_file_is_taken_and_a_bad_one_is_not() {
    let folder = Folder::new();
    let server = Server::start(&folder.write("web.yml", &users("alice"))).await;
    let (alice, bob) = (basic("alice:open sesame"), basic("bob:open sesame"));
    let mut seen = Vec::new();
    for text in [
        users("bob"),
        "basic_auth_users: {bob: no hash}\n".to_owned(),
        "basic_auth_users: {bob: \n".to_owned(),
        // Half of a write that takes its time would let everybody in.
        String::new(),
        // What restarts are for.
        TLS.to_owned(),
        users("alice"),
    ] {
        folder.replace("web.yml", &text);
        server.look_twice();
        let alice = status(&server.ask(&get("/", &alice)).await);
        seen.push((alice, status(&server.ask(&get("/", &bob)).await)));
    }
    let (new, old) = ((401, 200), (200, 401));
    assert_eq!(seen, [new, new, new, new, new, old]);
    folder.replace("web.yml", "{}\n");
    server.look_twice();
    assert_eq!(status(&server.ask(&get("/", "")).await), 200, "as it says");
}
