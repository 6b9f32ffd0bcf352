use std::path::PathBuf;
use std::sync::Arc;

use super::*;
use crate::runtime::Runtime;

pub(super) mod scripted;

use scripted::write;

const KEY: &str = "k3y-that-must-not-show";
const TOKEN: &str = "t0ken-that-must-not-show";

fn credentials() -> Credentials {
    let token = Some(Secret::new(TOKEN));
    Credentials::new("AKIDabcdefgh".to_owned(), Secret::new(KEY), token, "a test").unwrap()
}

/// Sources over a map instead of the environment, and a system file that is not there.
fn sources(variables: &[(&str, &str)]) -> Sources {
    Sources::new(None, scripted::environment(variables))
        .with_system_file(PathBuf::from("/nonexistent/credentials"))
}

fn provider(sources: Sources) -> (FileProvider, Origin) {
    let (found, origin) = sources.load().unwrap();
    (
        FileProvider::holding(found, sources, Runtime::system()),
        origin,
    )
}

#[test]
fn every_family_of_names_is_read() {
    for names in [
        "TENCENTCLOUD_SECRET_ID TENCENTCLOUD_SECRET_KEY TENCENTCLOUD_TOKEN",
        "TENCENTCLOUD_SECRET_ID TENCENTCLOUD_SECRET_KEY TENCENTCLOUD_SESSION_TOKEN",
        "TENCENTCLOUD_SECRETID TENCENTCLOUD_SECRETKEY TENCENTCLOUD_SESSIONTOKEN",
        "TENCENT_SECRET_ID TENCENT_SECRET_KEY TENCENT_TOKEN",
    ] {
        let mut names = names.split(' ');
        let [id, key, token] = [(); 3].map(|()| names.next().unwrap());
        let whole = sources(&[(id, "AKIDx"), (key, "k"), (token, "t")]);
        let (found, origin) = whole.load().unwrap();
        assert_eq!(found.secret_id, "AKIDx");
        assert_eq!(found.secret_key.expose(), "k");
        assert_eq!(found.token.as_ref().map(Secret::expose), Some("t"));
        assert_eq!(origin.to_string(), format!("the environment ({id})"));
        let (found, _) = sources(&[(id, "AKIDx"), (key, "k"), (token, "")])
            .load()
            .unwrap();
        assert_eq!(found.token, None);
    }
}

#[test]
fn half_a_family_is_an_error_that_names_the_other_half() {
    const ID: &str = "TENCENTCLOUD_SECRET_ID";
    const KEY: &str = "TENCENTCLOUD_SECRET_KEY";
    let whole_other = [("TENCENT_SECRET_ID", "a"), ("TENCENT_SECRET_KEY", "b")];
    for (variables, set, missing) in [
        (vec![(ID, "a")], ID, KEY),
        (vec![(KEY, "a")], KEY, ID),
        (vec![(ID, "a"), (KEY, "")], ID, KEY),
        (vec![(ID, ""), (KEY, "a")], KEY, ID),
        (vec![(ID, "")], ID, KEY),
        (vec![("TENCENTCLOUD_TOKEN", "a")], "TENCENTCLOUD_TOKEN", ID),
        (vec![(ID, "a"), ("TENCENTCLOUD_SECRETKEY", "b")], ID, KEY),
    ] {
        let variables = [variables, whole_other.to_vec()].concat();
        let fault = sources(&variables).load().unwrap_err();
        assert_eq!(
            fault,
            CredentialError::Half { set, missing },
            "{variables:?}"
        );
    }
}

#[test]
fn blanks_and_controls_are_refused_and_not_shown() {
    for (id, key, token, what) in [
        (" AKIDx", "k", "t", "secret id"),
        ("AKIDx", "k3y-that-must-not-show\n", "t", "secret key"),
        ("AKIDx", "k3y-\u{0}that", "t", "secret key"),
        ("AKIDx", "k", "t0ken ", "token"),
        ("", "k", "t", "secret id"),
    ] {
        let token = Some(Secret::new(token));
        let fault = Credentials::new(id.to_owned(), Secret::new(key), token, "the test");
        let text = fault.unwrap_err().to_string();
        assert!(
            text.starts_with(&format!("the {what} from the test ")),
            "{text}"
        );
        assert!(!text.contains("k3y") && !text.contains("t0ken"));
    }
    let long = Secret::new("x".repeat(8_193));
    assert!(Credentials::new("a".to_owned(), long, None, "t").is_err());
}

#[test]
fn the_order_is_configuration_environment_sdk_file_tccli() {
    let home = tempfile::tempdir().unwrap();
    let home_text = home.path().to_str().unwrap();
    let sdk = home.path().join(".tencentcloud/credentials");
    let tccli = home.path().join(".tccli/default.credential");
    write(&sdk, "[default]\nsecret_id = from-sdk\nsecret_key = k\n");
    write(&tccli, r#"{"secretId":"from-tccli","secretKey":"k"}"#);
    let variables = [
        ("HOME", home_text),
        ("TENCENTCLOUD_SECRET_ID", "from-environment"),
        ("TENCENTCLOUD_SECRET_KEY", "k"),
    ];
    let id = |sources: &Sources| sources.load().unwrap().0.secret_id;

    let mut all = sources(&variables);
    assert_eq!(id(&all), "from-environment");
    all = Sources::new(Some(credentials().into()), Arc::new(|_: &str| None));
    assert_eq!(all.load().unwrap().1, Origin::Configuration);
    let files = sources(&variables[..1]);
    assert_eq!(files.load().unwrap().1, Origin::File(sdk.clone()));
    assert_eq!(id(&files), "from-sdk");
    std::fs::remove_file(&sdk).unwrap();
    assert_eq!(id(&files), "from-tccli");
}

#[test]
fn named_files_and_profiles_are_followed() {
    let home = tempfile::tempdir().unwrap();
    let home_text = home.path().to_str().unwrap();
    let named = home.path().join("elsewhere");
    let named_text = named.to_str().unwrap();
    let system = home.path().join("system");
    write(
        &home.path().join(".tccli/work.credential"),
        r#"{"secretId":"w","secretKey":"k"}"#,
    );

    let work = sources(&[("HOME", home_text), ("TCCLI_PROFILE", "work")]);
    assert_eq!(work.load().unwrap().0.secret_id, "w");
    let out = sources(&[("HOME", home_text), ("TCCLI_PROFILE", "../work")]);
    assert_eq!(out.load().unwrap_err(), CredentialError::BadProfile);

    let by_name = sources(&[("TENCENTCLOUD_CREDENTIALS_FILE", named_text)]);
    let missing = by_name.load().unwrap_err().to_string();
    assert!(
        missing.contains("TENCENTCLOUD_CREDENTIALS_FILE names it"),
        "{missing}"
    );
    write(&named, "[default]\nsecret_id = n\nsecret_key = k\n");
    assert_eq!(by_name.load().unwrap().0.secret_id, "n");

    write(&system, "[default]\nsecret_id = s\nsecret_key = k\n");
    let by_system = work.with_system_file(system);
    assert_eq!(by_system.load().unwrap().0.secret_id, "s");
}

#[test]
fn nothing_found_lists_every_place_and_what_to_set() {
    let text = sources(&[("HOME", "/nonexistent/home")])
        .load()
        .unwrap_err()
        .to_string();
    for part in [
        "set TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY",
        "TENCENTCLOUD_SECRETID",
        "TENCENT_SECRET_ID",
        "/nonexistent/home/.tencentcloud/credentials",
        "/nonexistent/credentials",
        "/nonexistent/home/.tccli/default.credential",
    ] {
        assert!(text.contains(part), "{part} not in {text}");
    }
    let homeless = sources(&[]).load().unwrap_err().to_string();
    assert!(homeless.contains("HOME is not set"), "{homeless}");
}

#[test]
fn odd_files_are_errors_and_not_panics() {
    let home = tempfile::tempdir().unwrap();
    let home_text = home.path().to_str().unwrap();
    let sdk = home.path().join(".tencentcloud/credentials");
    let files = sources(&[("HOME", home_text)]);
    write(&sdk, &"#".repeat(64 * 1024 + 1));
    let text = files.load().unwrap_err().to_string();
    assert!(text.contains("larger than 65536 bytes"), "{text}");
    std::fs::write(&sdk, [0xff, 0xfe]).unwrap();
    assert!(matches!(
        files.load(),
        Err(CredentialError::Unreadable { .. })
    ));
    std::fs::remove_file(&sdk).unwrap();
    std::fs::create_dir(&sdk).unwrap();
    assert!(matches!(
        files.load(),
        Err(CredentialError::Unreadable { .. })
    ));
}

#[tokio::test]
async fn a_rotated_file_is_read_again_after_a_refusal() {
    let home = tempfile::tempdir().unwrap();
    let sdk = home.path().join(".tencentcloud/credentials");
    write(&sdk, "[default]\nsecret_id = old\nsecret_key = k\n");
    let files = sources(&[("HOME", home.path().to_str().unwrap())]);
    let (provider, origin) = provider(files);
    assert_eq!(origin, Origin::File(sdk.clone()));
    let old = provider.current().await.unwrap();
    assert!(!provider.refused(&old).await);

    write(&sdk, "[default]\nsecret_id = ne");
    assert!(
        !provider.refused(&old).await,
        "half written: the old ones stay"
    );
    assert_eq!(provider.current().await.unwrap(), old);

    write(&sdk, "[default]\nsecret_id = new\nsecret_key = k\n");
    assert!(provider.refused(&old).await);
    assert_eq!(provider.current().await.unwrap().secret_id, "new");
    assert!(
        provider.refused(&old).await,
        "a slower call finds them changed already"
    );
    let fixed = old.clone();
    assert!(!fixed.refused(&old).await);
}

#[test]
fn no_format_shows_a_secret() {
    let explicit = credentials();
    let given = Sources::new(Some(explicit.clone().into()), Arc::new(|_: &str| None));
    let (provider, _) = provider(given.clone());
    for shown in [
        format!("{explicit:?} {explicit:#?}"),
        format!("{given:?} {given:#?}"),
        format!("{provider:?} {provider:#?}"),
        format!("{:?}", explicit.clone()),
    ] {
        assert!(!shown.contains(KEY) && !shown.contains(TOKEN), "{shown}");
        assert!(
            !shown.contains("AKIDa") && shown.contains("AKID***"),
            "{shown}"
        );
    }
}
