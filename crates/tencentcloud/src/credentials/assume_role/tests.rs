use std::sync::Mutex;

use super::*;
use crate::Timestamp;
use crate::credentials::tests::scripted::{
    Rotating, ScriptedSts, environment, fixed, issued, sts_failed,
};

const ARN: &str = "qcs::cam::uin/100000000001:roleName/reader";

#[tokio::test]
async fn the_role_is_asked_for_with_the_credentials_below() {
    let sts = ScriptedSts::new(Duration::ZERO, |_| Ok(issued("AKIDrole", 1_543_914_376)));
    let base = Arc::new(fixed("AKIDbase"));
    let usual = AssumeRole::new(RoleConfig::new(ARN), base.clone(), sts.clone());
    let found = usual.fetch().await.unwrap();
    assert_eq!(found.credentials.secret_id, "AKIDrole");
    assert_eq!(found.expires, Timestamp::from_millis(1_543_914_376_000));
    let whole = RoleConfig {
        session_name: "me".to_owned(),
        duration: Duration::from_secs(900),
        external_id: Some("word".to_owned()),
        ..RoleConfig::new(ARN)
    };
    AssumeRole::new(whole, base, sts.clone())
        .fetch()
        .await
        .unwrap();

    let asked = sts.asked();
    assert_eq!(asked[0].action, "AssumeRole");
    assert_eq!(asked[0].signer, Some(fixed("AKIDbase")));
    assert_eq!(
        asked[0].params,
        json!({"RoleArn": ARN, "RoleSessionName": "tencentcloud", "DurationSeconds": 7200})
    );
    assert_eq!(
        asked[1].params,
        json!({
            "RoleArn": ARN, "RoleSessionName": "me", "DurationSeconds": 900, "ExternalId": "word"
        })
    );
}

/// What two asks with `refused` signers and a base that rotates once come to.
async fn with_rotation(ids: Vec<&'static str>, refused: bool) -> (bool, Vec<String>) {
    let sts = ScriptedSts::new(Duration::ZERO, move |asked| {
        let signer = asked
            .signer
            .as_ref()
            .map(|signer| signer.secret_id.as_str());
        match signer {
            Some("new") => Ok(issued("AKIDrole", 1)),
            _ => Err(sts_failed("no", refused)),
        }
    });
    let base = Arc::new(Rotating {
        ids: Mutex::new(ids),
    });
    let role = AssumeRole::new(RoleConfig::new(ARN), base, sts.clone());
    let worked = role.fetch().await.is_ok();
    let signers = sts.asked().into_iter().filter_map(|asked| asked.signer);
    (worked, signers.map(|signer| signer.secret_id).collect())
}

#[tokio::test]
async fn refused_credentials_below_are_replaced_once() {
    for (ids, refused, worked, signers) in [
        (&["old", "new"][..], true, true, &["old", "new"][..]),
        (&["old"], true, false, &["old"]),
        (&["old", "older", "new"], true, false, &["old", "older"]),
        (&["old", "new"], false, false, &["old"]),
    ] {
        let signers: Vec<_> = signers.iter().map(|id| (*id).to_owned()).collect();
        let outcome = with_rotation(ids.to_vec(), refused).await;
        assert_eq!(outcome, (worked, signers), "{ids:?} {refused}");
    }
}

#[tokio::test]
async fn odd_answers_are_errors_that_show_no_secret() {
    for answer in [
        json!(null),
        json!([]),
        json!({"Credentials": null, "ExpiredTime": 1}),
        json!({"Credentials": {"TmpSecretId": "a", "TmpSecretKey": {"k3y": 1}, "Token": "k3y"}, "ExpiredTime": 1}),
        json!({"Credentials": {"TmpSecretId": "a", "TmpSecretKey": "k3y", "Token": "k3y"}}),
    ] {
        let sts = ScriptedSts::new(Duration::ZERO, move |_| Ok(answer.clone()));
        let base = Arc::new(fixed("b"));
        let error = AssumeRole::new(RoleConfig::new(ARN), base, sts)
            .fetch()
            .await
            .unwrap_err();
        let text = error.to_string();
        assert!(
            text.starts_with("cannot get temporary credentials by AssumeRole: the answer"),
            "{text}"
        );
        assert!(!text.contains("k3y"), "{text}");
    }
}

#[test]
fn the_variables_of_the_command_line_tool() {
    const R: &str = "TENCENTCLOUD_ROLE_ARN";
    const S: &str = "TENCENTCLOUD_ROLE_SESSION_NAME";
    let read =
        |pairs: &[(&str, &str)]| RoleConfig::from_environment(&*environment(pairs), "tencentcloud");
    let named = RoleConfig {
        session_name: "me".to_owned(),
        ..RoleConfig::new(ARN)
    };
    let empty = |name| Err(CredentialError::Empty { name });
    let half = CredentialError::Half { set: S, missing: R };
    for (pairs, expected) in [
        (&[(R, ARN)][..], Ok(Some(RoleConfig::new(ARN)))),
        (&[], Ok(None)),
        (&[(R, ARN), (S, "me")], Ok(Some(named))),
        (&[(R, "")], empty(R)),
        (&[(R, ""), (S, "me")], empty(R)),
        (&[(R, ARN), (S, "")], empty(S)),
        (&[(S, "me")], Err(half)),
    ] {
        assert_eq!(read(pairs), expected, "{pairs:?}");
    }
    let text = read(&[(R, "reader")]).unwrap_err().to_string();
    assert_eq!(
        text,
        "the role ARN from the environment is no role; it looks like \
         qcs::cam::uin/100000000001:roleName/NAME"
    );
}

#[test]
fn roles_that_sts_would_refuse_are_found_at_once() {
    let usual = || RoleConfig::new(ARN);
    assert_eq!(usual().check("x"), Ok(()));
    let seconds = |s| RoleConfig {
        duration: Duration::from_secs(s),
        ..usual()
    };
    assert_eq!(seconds(43_200).check("x"), Ok(()));
    let session = |name: &str| RoleConfig {
        session_name: name.to_owned(),
        ..usual()
    };
    assert_eq!(session("a_b+c=d,e.f@g-1").check("x"), Ok(()));
    let external = |id: &str| RoleConfig {
        external_id: Some(id.to_owned()),
        ..usual()
    };
    for (role, what) in [
        (RoleConfig::new("qcs::a b"), "role ARN"),
        (RoleConfig::new(""), "role ARN"),
        (
            RoleConfig::new(format!("qcs::{}", "a".repeat(MAX_ARN))),
            "role ARN",
        ),
        (session("a"), "role session name"),
        (session("a b"), "role session name"),
        (session(&"a".repeat(MAX_NAME + 1)), "role session name"),
        (seconds(0), "duration"),
        (seconds(43_201), "duration"),
        (external(""), "external id"),
        (external("a b"), "external id"),
    ] {
        let text = role.check("the test").unwrap_err().to_string();
        assert!(
            text.starts_with(&format!("the {what} from the test ")),
            "{text}"
        );
    }
}
