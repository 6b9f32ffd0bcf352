//! Keys that end every minute, for an hour, from each issuer: no poll fails for them.

use std::time::Duration;

use crate::support::world::{Exporter, World, calls_for, through};
use scf_exporter::config::{CredentialsConfig, KeyFiles, Role};
use scf_sim::{self, Settings};

const HOUR: Duration = Duration::from_secs(3_600);
const LIFETIME: Duration = Duration::from_secs(60);
const ROLE: &str = "qcs::cam::uin/100000000001:roleName/scf-reader";

fn world(machine_role: bool) -> World {
    let settings = Settings {
        functions: 5,
        rate_per_second: 2.0,
        role: scf_sim::Role {
            machine_role: machine_role.then(|| "scf-reader".to_owned()),
            lifetime_s: LIFETIME.as_secs(),
            ..scf_sim::Role::default()
        },
        ..calls_for(60, HOUR)
    };
    World::new(settings, through("cls", None))
}

/// No failed poll, no request refused, the truth at the end.
async fn assert_an_hour_without_a_failure(world: &World) -> Exporter {
    let exporter = world.start().await;
    tokio::time::sleep(HOUR).await;
    world.assert_exact(&exporter, "an hour of keys").await;
    let scrape = exporter.scrape();
    let polls = |result| scrape.sum("scf_exporter_polls_total", &[("result", result)]);
    assert_eq!(polls("failure"), 0.0);
    assert!(polls("success") >= 100.0, "{}", polls("success"));
    for request in scrape.matching("scf_exporter_api_requests_total", &[]) {
        let fine = request.labels["code"] == "ok" || request.value == 0.0;
        assert!(fine, "{request:?}");
    }
    exporter
}

#[tokio::test(start_paused = true)]
async fn the_role_of_the_machine() {
    let mut world = world(true);
    world.config.sources[0].credentials = CredentialsConfig::Chain;
    assert_an_hour_without_a_failure(&world).await.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_role_on_top_of_permanent_keys() {
    let mut world = world(false);
    world.config.sources[0].role = Some(Role {
        arn: ROLE.to_owned(),
        session_name: "scf-exporter".to_owned(),
        duration: Duration::from_secs(7_200),
        external_id: None,
    });
    let exporter = assert_an_hour_without_a_failure(&world).await;
    let renewals = world.transport.requests_for("AssumeRole");
    eprintln!("{renewals} keys in an hour");
    assert!(renewals >= 60, "{renewals}");
    exporter.stop().await;
}

/// Keys in files, all three of which are replaced together by whoever rotates them: a call is
/// refused, the files are read again, and the call goes on. A file that is half written, or is
/// replaced later than the cloud's key, costs some polls and no row.
#[tokio::test(start_paused = true)]
async fn keys_in_files_that_are_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let start_ms = 1_700_000_000_000;
    let key = |at_s: i64, name: &str| scf_sim::Rotation {
        at_ms: start_ms + at_s * 1_000,
        secret_id: format!("AKID{name}"),
        secret_key: format!("key-{name}"),
    };
    let settings = Settings {
        functions: 5,
        rate_per_second: 2.0,
        rotations: vec![key(600, "second"), key(1_200, "third")],
        ..calls_for(61, Duration::from_secs(1_800))
    };
    let write = |id: &str, key: &str| {
        std::fs::write(path("id"), format!("{id}\n")).unwrap();
        std::fs::write(path("key"), format!("{key}\n")).unwrap();
    };
    write(&settings.secret_id, &settings.secret_key);
    for api in ["v2", "v3", "cls"] {
        write(&settings.secret_id, &settings.secret_key);
        let mut world = World::new(settings.clone(), through(api, None));
        world.config.sources[0].key_files = KeyFiles {
            secret_id: Some(path("id")),
            secret_key: Some(path("key")),
            token: None,
        };
        let exporter = world.start().await;
        let failed = |exporter: &Exporter| {
            let scrape = exporter.scrape();
            scrape.sum("scf_exporter_polls_total", &[("result", "failure")])
        };
        let until_s = |s: i64| {
            let left = start_ms + s * 1_000 - world.runtime.now().as_millis();
            tokio::time::sleep(Duration::from_millis(left.max(0) as u64))
        };
        until_s(590).await;
        write("AKIDsecond", "key-second");
        until_s(1_190).await;
        assert_eq!(
            failed(&exporter),
            0.0,
            "{api}: the new key was there in time"
        );
        std::fs::write(path("key"), "").unwrap();
        until_s(1_260).await;
        write("AKIDthird", "key-third");
        until_s(1_900).await;
        assert!(
            failed(&exporter) > 0.0,
            "{api}: nothing could be read for a minute"
        );
        world.assert_exact(&exporter, api).await;
        exporter.stop().await;
    }
}

/// The role of a machine that has one, taken on from keys that end as soon as its own.
#[tokio::test(start_paused = true)]
async fn a_role_on_top_of_the_role_of_the_machine() {
    let mut world = world(true);
    world.config.sources[0].credentials = CredentialsConfig::Chain;
    let variables = [("TENCENTCLOUD_ROLE_ARN", ROLE)];
    world.environment = variables
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    let exporter = assert_an_hour_without_a_failure(&world).await;
    assert!(world.transport.requests_for("AssumeRole") >= 60);
    exporter.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_identity_of_the_pod() {
    let directory = tempfile::tempdir().unwrap();
    let token = directory.path().join("token");
    let mut world = world(false);
    let identity = &world.cloud.settings().role.web_identity_token;
    std::fs::write(&token, format!("{identity}\n")).unwrap();
    let variables = [
        ("TKE_REGION", "ap-guangzhou"),
        ("TKE_PROVIDER_ID", "OIDC"),
        ("TKE_WEB_IDENTITY_TOKEN_FILE", token.to_str().unwrap()),
        ("TKE_ROLE_ARN", ROLE),
    ];
    world.environment = variables
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    world.config.sources[0].credentials = CredentialsConfig::Chain;
    assert_an_hour_without_a_failure(&world).await.stop().await;
}
