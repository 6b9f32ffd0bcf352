use std::path::Path;

use super::*;
use crate::Timestamp;
use crate::credentials::tests::scripted::{ScriptedSts, environment, issued};

const ARN: &str = "qcs::cam::uin/100000000001:roleName/scf-exporter";

fn variables(token_file: &Path) -> Vec<(&'static str, String)> {
    vec![
        ("TKE_REGION", "ap-guangzhou".to_owned()),
        ("TKE_PROVIDER_ID", "tke-oidc".to_owned()),
        (
            "TKE_WEB_IDENTITY_TOKEN_FILE",
            token_file.to_str().unwrap().to_owned(),
        ),
        ("TKE_ROLE_ARN", ARN.to_owned()),
    ]
}

fn read(
    variables: &[(&'static str, String)],
    sts: Arc<ScriptedSts>,
) -> Result<Option<WebIdentity>, CredentialError> {
    let pairs: Vec<_> = variables.iter().map(|(n, v)| (*n, v.as_str())).collect();
    WebIdentity::from_environment(&*environment(&pairs), "me", sts)
}

#[tokio::test]
async fn the_token_is_read_anew_and_exchanged_unsigned() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("token");
    let sts = ScriptedSts::new(Duration::ZERO, |asked| {
        Ok(issued(&format!("AKID{}", asked.number), 1_543_914_376))
    });
    let identity = read(&variables(&path), sts.clone()).unwrap().unwrap();
    assert_eq!(identity.role_arn(), ARN);
    std::fs::write(&path, "eyJ.one.x\n").unwrap();
    let first = identity.fetch().await.unwrap();
    std::fs::write(&path, "eyJ.two.x").unwrap();
    let second = identity.fetch().await.unwrap();
    assert_eq!(first.credentials.secret_id, "AKID1");
    assert_eq!(second.credentials.secret_id, "AKID2");
    assert_eq!(second.expires, Timestamp::from_millis(1_543_914_376_000));

    let asked = sts.asked();
    assert!(asked.iter().all(|asked| asked.signer.is_none()));
    assert_eq!(asked[0].action, "AssumeRoleWithWebIdentity");
    assert_eq!(
        asked[0].params,
        json!({
            "ProviderId": "tke-oidc",
            "WebIdentityToken": "eyJ.one.x",
            "RoleArn": ARN,
            "RoleSessionName": "me",
            "DurationSeconds": 7200
        })
    );
    assert_eq!(asked[1].params["WebIdentityToken"], "eyJ.two.x");
}

#[test]
fn half_set_variables_name_the_missing_one() {
    let all = variables(Path::new("/token"));
    assert!(read(&[], ScriptedSts::none()).unwrap().is_none());
    for missing in VARIABLES {
        let first_other = VARIABLES.into_iter().find(|name| *name != missing).unwrap();
        let half = CredentialError::Half {
            set: first_other,
            missing,
        };
        let without: Vec<_> = all.iter().filter(|(n, _)| *n != missing).cloned().collect();
        assert_eq!(
            read(&without, ScriptedSts::none()).err(),
            Some(half.clone())
        );
        let emptied = [without, vec![(missing, String::new())]].concat();
        assert_eq!(read(&emptied, ScriptedSts::none()).err(), Some(half));
    }
    let alone = [("TKE_ROLE_ARN", ARN.to_owned())];
    let text = read(&alone, ScriptedSts::none()).err().unwrap().to_string();
    assert!(
        text.starts_with("TKE_ROLE_ARN is set but TKE_REGION is not set"),
        "{text}"
    );
    let empty = [("TKE_ROLE_ARN", String::new())];
    let error = read(&empty, ScriptedSts::none()).err();
    assert_eq!(error, Some(CredentialError::Empty { name: "TKE_REGION" }));
}

#[test]
fn a_role_that_is_none_is_found_at_once() {
    let mut all = variables(Path::new("/token"));
    all[3].1 = "scf-exporter".to_owned();
    let text = read(&all, ScriptedSts::none()).err().unwrap().to_string();
    assert!(
        text.starts_with("the role ARN from TKE_ROLE_ARN is no role"),
        "{text}"
    );
}

#[tokio::test]
async fn odd_token_files_are_errors_that_show_nothing_of_them() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("token");
    let identity = read(&variables(&path), ScriptedSts::none())
        .unwrap()
        .unwrap();
    let text = identity.fetch().await.unwrap_err().to_string();
    assert!(
        text.contains("though TKE_WEB_IDENTITY_TOKEN_FILE names it"),
        "{text}"
    );
    for (content, words) in [
        (Vec::new(), "holds no token"),
        (b"\n".to_vec(), "holds no token"),
        (b"s3cret one\ns3cret two".to_vec(), "holds no token"),
        (b"s3cret\xff".to_vec(), "cannot read"),
        (vec![b'x'; 64 * 1024 + 1], "larger than 65536 bytes"),
    ] {
        std::fs::write(&path, content).unwrap();
        let text = identity.fetch().await.unwrap_err().to_string();
        assert!(text.contains(words) && !text.contains("s3cret"), "{text}");
    }
}

#[test]
fn renewal_leaves_a_tenth_of_the_life() {
    let identity = read(&variables(Path::new("/token")), ScriptedSts::none());
    let identity = identity.unwrap().unwrap();
    for (lives, early) in [(7_200, 720), (3_000, 300), (1_000, 300), (60, 30)] {
        let early_by = identity.early(Duration::from_secs(lives));
        assert_eq!(early_by, Duration::from_secs(early));
    }
}
