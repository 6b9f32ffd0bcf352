//! Nothing that could sign a request is ever written down: the real program runs against a harsh
//! cloud with each way of coming by keys, its log at its loudest, and all that it says is searched.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::support::process::{Program, Simulator, free_address, get, until};

/// Requests to the cloud before the search begins.
const REQUESTS: f64 = 80.0;
const WRONG: &str = "a-wrong-key-of-32-letters-or-so";
const TOKEN: &str = "a-token-of-mine";

/// A way of coming by keys: its name, and a source in the file.
struct Way {
    name: &'static str,
    source: String,
    /// Whether the machine's role is asked for keys.
    of_machine: bool,
}

/// In `folder` are files with the right key, a wrong one, and a token.
fn ways(id: &str, folder: &Path) -> [Way; 4] {
    let folder = folder.display();
    let role = "role: {arn: 'qcs::cam::uin/100000000001:roleName/scf-reader'}";
    let of_machine = false;
    [
        Way {
            name: "keys in the URL",
            source: format!(
                "api: v2, method: GET, credentials: {{secret_id: {id}, secret_key_file: {folder}/key}}"
            ),
            of_machine,
        },
        Way {
            name: "a wrong key",
            source: format!(
                "api: v3, credentials: {{secret_id: {id}, secret_key_file: {folder}/wrong, token_file: {folder}/token}}"
            ),
            of_machine,
        },
        Way {
            name: "a role taken on with a key from a file",
            source: format!(
                "api: v3, {role}, credentials: {{secret_id: {id}, secret_key_file: {folder}/key}}"
            ),
            of_machine,
        },
        Way {
            name: "the machine's role",
            source: "api: cls".to_owned(),
            of_machine: true,
        },
    ]
}

/// The keys that the machine's role has now.
fn keys_of_machine(cloud: &str) -> Vec<String> {
    let folder = "/latest/meta-data/cam/security-credentials/";
    let keys = until(
        Duration::from_secs(20),
        "keys of the machine's role",
        || {
            let role = get(cloud, folder)?;
            let answer = get(cloud, &format!("{folder}{}", role.trim()))?;
            serde_json::from_str::<serde_json::Value>(&answer).ok()
        },
    );
    let field = |name: &str| keys[name].as_str().unwrap().to_owned();
    ["TmpSecretId", "TmpSecretKey", "Token"].map(field).to_vec()
}

fn requests(page: &str) -> f64 {
    let lines = page.lines();
    let of_requests = lines.filter(|line| line.starts_with("scf_exporter_api_requests_total{"));
    let counts = of_requests.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
    counts.sum()
}

/// All that the program says until it has asked the cloud often.
fn said(way: &Way, format: &str, cloud: &str, folder: &Path) -> String {
    let (file, log) = (folder.join("config.yaml"), folder.join("log"));
    let address = free_address();
    let text = format!(
        "sources: [{{region: ap-guangzhou, endpoint: 'http://{cloud}', {}}}]",
        way.source
    );
    fs::write(&file, text).unwrap();
    let line = format!(
        "run --config.file {} --state.path= --web.listen-address {address} --log.level=trace \
         --log.format {format} --limits.requests-per-second=200 --poll.interval=100ms \
         --poll.idle-interval=100ms --poll.sweep-interval=200ms --poll.page-size=20",
        file.display()
    );
    let program = Program::start(&line, &[], Some(&log));
    let pages = until(Duration::from_secs(60), "requests to the cloud", || {
        let metrics = get(&address, "/metrics")?;
        // A key that is refused is not tried often.
        let enough = if way.name == "a wrong key" {
            3.0
        } else {
            REQUESTS
        };
        (requests(&metrics) >= enough).then_some(())?;
        Some(metrics + &get(&address, "/")?)
    });
    assert_eq!(program.terminate(), Some(0), "{}", way.name);
    pages + &fs::read_to_string(&log).unwrap()
}

#[test]
fn nothing_secret_is_written_in_a_harsh_run() {
    let folder = tempfile::tempdir().unwrap();
    let cloud = Simulator::start("--seed 7 --functions 6 --faults harsh");
    let (address, keys) = (cloud.address.clone(), (cloud.id.clone(), cloud.key.clone()));
    for (file, text) in [("key", keys.1.as_str()), ("wrong", WRONG), ("token", TOKEN)] {
        fs::write(folder.path().join(file), text).unwrap();
    }

    let ways = ways(&keys.0, folder.path());
    for (way, format) in ways.iter().zip(["logfmt", "json", "json", "logfmt"]) {
        let mut secrets = vec![keys.1.clone(), WRONG.to_owned(), TOKEN.to_owned()];
        if way.of_machine {
            secrets.extend(keys_of_machine(&address));
        }
        let said = said(way, format, &address, folder.path());
        if way.of_machine {
            secrets.extend(keys_of_machine(&address));
        }
        assert!(
            said.contains("poll"),
            "{}: the log tells of polls",
            way.name
        );
        // The id of a key names it, as a user's name does; it is no secret, but nothing needs it.
        secrets.extend([keys.0.clone()]);
        for secret in &secrets {
            assert!(secret.len() > 8, "{}: {secret}", way.name);
            let at = said.find(secret.as_str());
            assert_eq!(at, None, "{}: {secret} was written", way.name);
        }
        for sign in ["Signature=", "TC3-HMAC-SHA256 Credential"] {
            assert!(
                !said.contains(sign),
                "{}: a signature was written",
                way.name
            );
        }
    }
}
