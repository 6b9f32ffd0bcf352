use std::time::Duration;

use super::*;
use crate::Timestamp;
use crate::credentials::tests::scripted::{
    LIST, Reply, ScriptedSts, ScriptedTransport, document, environment, fixed, issued, write,
};

const ARN: &str = "qcs::cam::uin/1:roleName/r";
const START: i64 = 1_790_000_000;

/// Every place of the chain, filled.
struct World {
    home: tempfile::TempDir,
    variables: Vec<(&'static str, String)>,
    transport: Arc<ScriptedTransport>,
    sts: Arc<ScriptedSts>,
    config: ChainConfig,
}

impl World {
    fn full() -> Self {
        let home = tempfile::tempdir().unwrap();
        let sdk = "[default]\nsecret_id = sdk\nsecret_key = k\nrole_arn = qcs::ignored\n";
        write(&home.path().join(".tencentcloud/credentials"), sdk);
        let tccli = r#"{"secretId":"tccli","secretKey":"k"}"#;
        write(&home.path().join(".tccli/default.credential"), tccli);
        let token = home.path().join("token");
        write(&token, "eyJ.a.b");
        let role = format!("{LIST}cvm-role");
        let own = |text: &str| text.to_owned();
        Self {
            variables: vec![
                ("HOME", own(home.path().to_str().unwrap())),
                ("TENCENTCLOUD_SECRET_ID", own("environment")),
                ("TENCENTCLOUD_SECRET_KEY", own("k")),
                ("TKE_REGION", own("ap-guangzhou")),
                ("TKE_PROVIDER_ID", own("p")),
                ("TKE_WEB_IDENTITY_TOKEN_FILE", own(token.to_str().unwrap())),
                ("TKE_ROLE_ARN", own(ARN)),
            ],
            transport: ScriptedTransport::new(&[
                (LIST, Reply::Response(200, own("cvm-role"))),
                (&role, document("metadata", START + 7_200)),
            ]),
            sts: ScriptedSts::new(Duration::ZERO, |asked| {
                let signer = asked.signer.as_ref();
                let over = signer.map_or("nobody", |signer| &signer.secret_id);
                Ok(issued(
                    &format!("{} by {over}", asked.action),
                    START + 7_200,
                ))
            }),
            config: ChainConfig {
                explicit: Some(fixed("explicit").into()),
                metadata: own("http://meta.test"),
                ..ChainConfig::default()
            },
            home,
        }
    }

    fn without(&mut self, place: &str) {
        let home = self.home.path();
        match place {
            "explicit" => self.config.explicit = None,
            "sdk" => std::fs::remove_file(home.join(".tencentcloud/credentials")).unwrap(),
            "tccli" => std::fs::remove_file(home.join(".tccli/default.credential")).unwrap(),
            "metadata" => self
                .transport
                .set(LIST, Reply::Response(404, String::new())),
            prefix => self.variables.retain(|(name, _)| !name.starts_with(prefix)),
        }
    }

    /// Nothing but the places that are asked over the network.
    fn remote() -> Self {
        let mut world = Self::full();
        for place in ["explicit", "TENCENTCLOUD_", "sdk", "tccli"] {
            world.without(place);
        }
        world
    }

    async fn load(&self) -> Result<(Arc<dyn CredentialProvider>, Origin), CredentialError> {
        let pairs: Vec<_> = self
            .variables
            .iter()
            .map(|(n, v)| (*n, v.as_str()))
            .collect();
        let environment = environment(&pairs);
        let explicit = self.config.explicit.clone();
        // Not this machine's own.
        let system_file = self.home.path().join("etc/credentials");
        let sources = Sources::new(explicit, environment.clone()).with_system_file(system_file);
        let chain = Chain {
            environment,
            transport: self.transport.clone(),
            sts: self.sts.clone(),
            runtime: Runtime::simulated(Timestamp::from_secs(START), 1),
        };
        chain.search(self.config.clone(), sources).await
    }

    /// Returns the id that signs and where it comes from.
    async fn found(&self) -> (String, String) {
        let (provider, origin) = self.load().await.unwrap();
        let id = provider.current().await.unwrap().secret_id;
        (id, origin.to_string())
    }
}

#[tokio::test]
async fn the_order_is_that_of_the_vendors_sdk_and_a_role_goes_on_top_of_any_place() {
    let mut world = World::full();
    let home = world.home.path().to_str().unwrap().to_owned();
    let environment = "the environment (TENCENTCLOUD_SECRET_ID)";
    let sdk = format!("the file {home}/.tencentcloud/credentials");
    let tccli = format!("the file {home}/.tccli/default.credential");
    let pod = format!("the pod's role {ARN}");
    let steps = [
        ("explicit", "explicit", "the configuration"),
        ("TENCENTCLOUD_", "environment", environment),
        ("sdk", "sdk", &sdk),
        ("tccli", "tccli", &tccli),
        ("metadata", "metadata", "the instance's role cvm-role"),
        ("TKE_", "AssumeRoleWithWebIdentity by nobody", &pod),
    ];
    for (place, id, origin) in steps {
        let asked_before = world.transport.requests();
        assert_eq!(world.found().await, (id.to_owned(), origin.to_owned()));
        let asked = world.transport.requests() > asked_before;
        let remote = ["metadata", "TKE_"].contains(&place);
        assert_eq!(asked, remote, "{place}: nobody is asked who is not needed");
        world.config.role = Some(RoleConfig::new(ARN));
        let (over, origin) = world.found().await;
        assert_eq!(over, format!("AssumeRole by {id}"));
        let on_top = format!("the role {ARN}, assumed with the ");
        assert!(origin.starts_with(&on_top), "{origin}");
        world.config.role = None;
        world.without(place);
    }
    let text = world.load().await.err().unwrap().to_string();
    for part in [
        "set TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY",
        "or bind a role",
        "the variable TENCENT_SECRET_ID",
        ".tencentcloud/credentials",
        ".tccli/default.credential",
        "the instance metadata at http://meta.test/latest/meta-data/cam/security-credentials/ (no role is bound)",
        "the variables TKE_REGION, TKE_PROVIDER_ID, TKE_WEB_IDENTITY_TOKEN_FILE, TKE_ROLE_ARN",
    ] {
        assert!(text.contains(part), "{part} not in {text}");
    }
}

#[tokio::test]
async fn a_role_of_the_environment_does_not_reach_explicit_credentials() {
    let mut world = World::full();
    world
        .variables
        .push(("TENCENTCLOUD_ROLE_ARN", ARN.to_owned()));
    assert_eq!(world.found().await.0, "explicit");
    world.without("explicit");
    assert_eq!(world.found().await.0, "AssumeRole by environment");
    world.config.role = Some(RoleConfig {
        arn: "no".to_owned(),
        ..RoleConfig::new(ARN)
    });
    let error = world.load().await.err().unwrap();
    assert!(
        error
            .to_string()
            .contains("from the configuration is no role"),
        "{error}"
    );
}

#[tokio::test]
async fn hard_errors_end_the_search() {
    let mut world = World::full();
    world.without("explicit");
    world
        .variables
        .retain(|(name, _)| *name != "TENCENTCLOUD_SECRET_KEY");
    let error = world.load().await.err().unwrap();
    assert!(matches!(error, CredentialError::Half { .. }), "{error}");

    let mut world = World::remote();
    world.without("metadata");
    world
        .variables
        .retain(|(name, _)| *name != "TKE_PROVIDER_ID");
    let error = world.load().await.err().unwrap();
    let half = CredentialError::Half {
        set: "TKE_REGION",
        missing: "TKE_PROVIDER_ID",
    };
    assert_eq!(error, half);
}

#[tokio::test(start_paused = true)]
async fn unreachable_metadata_costs_two_seconds_at_most_and_is_reported() {
    for (list, words) in [
        (Reply::Silence, "no answer within 2 s"),
        (Reply::CannotConnect, "cannot be reached"),
        (
            Reply::Response(200, "<html>".to_owned()),
            "something that is no role",
        ),
        (Reply::Response(500, String::new()), "the status 500"),
    ] {
        let mut world = World::remote();
        world.transport.set(LIST, list);
        let began = tokio::time::Instant::now();
        assert_eq!(world.found().await.0, "AssumeRoleWithWebIdentity by nobody");
        assert!(began.elapsed() <= Duration::from_secs(2));
        world.without("TKE_");
        let text = world.load().await.err().unwrap().to_string();
        assert!(
            text.starts_with("no credentials found") && text.contains(words),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_role_that_fails_later_is_a_failed_call_and_not_a_failed_start() {
    let world = World::remote();
    let role = format!("{LIST}cvm-role");
    world
        .transport
        .set(&role, Reply::Response(503, String::new()));
    let (provider, origin) = world.load().await.unwrap();
    let bound = Origin::RoleMetadata {
        role: "cvm-role".to_owned(),
    };
    assert_eq!(origin, bound);
    let error = provider.current().await.unwrap_err();
    assert!(matches!(error, CredentialError::Metadata { .. }), "{error}");
}

#[tokio::test]
async fn the_way_in_of_the_wiring_is_the_same() {
    let world = World::full();
    let chain = Chain {
        environment: environment(&[]),
        transport: world.transport.clone(),
        sts: world.sts.clone(),
        runtime: Runtime::simulated(Timestamp::from_secs(START), 1),
    };
    let (provider, origin) = chain.load(world.config.clone()).await.unwrap();
    assert_eq!(origin, Origin::Configuration);
    assert_eq!(provider.current().await.unwrap(), fixed("explicit"));
}
