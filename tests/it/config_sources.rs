//! Sources of every API as a user writes them: what is read, and what `check-config` says of it.

use std::path::Path;
use std::time::Duration;

use scf_exporter::check::describe;
use scf_exporter::config::{
    self, Api, Config, Diagnostics, Domain, Overrides, Role, SignatureMethod, Source,
};

fn parse(text: &str, name: &str, overrides: &Overrides) -> Result<Config, Diagnostics> {
    config::parse(text, name, Path::new(""), overrides, &|_| None)
}

/// The URLs of scf, cls, sts and metadata.
fn urls(source: &Source) -> [Option<&str>; 4] {
    [
        source.url_of(&source.endpoints.scf),
        source.url_of(&source.endpoints.cls),
        source.url_of(&source.endpoints.sts),
        source.url_of(&source.endpoints.metadata),
    ]
}

/// The one source of a file.
fn only(text: &str) -> Source {
    let config = parse(text, "c.yaml", &Overrides::default());
    let mut sources = config.unwrap_or_else(|faults| panic!("{faults}")).sources;
    assert_eq!(sources.len(), 1);
    sources.remove(0)
}

fn source_flags(api: &str) -> Overrides {
    let mut overrides = Overrides::default();
    overrides = overrides.with("sources[].api", Some(api.to_owned()));
    overrides = overrides.with("sources[].region", Some("gz".to_owned()));
    overrides
}

#[test]
fn the_description_tells_accounts_namespaces_topics_and_roles() {
    let text = "sources:\n\
                - {account: prod, api: v3, region: gz, read: region, method: GET, \
                signature_method: HmacSHA1, namespaces: {names: [shop], exclude: [old.*]}}\n\
                - {account: test, api: cls, region: gz, domain: international, topics: [t-1, t-2], \
                endpoints: {sts: \"http://127.0.0.1:1\", metadata: \"http://127.0.0.1:2\"}, \
                role: {arn: \"qcs::cam::uin/1:roleName/r\", external_id: hunter2}}\n";
    let config = parse(text, "c.yaml", &Overrides::default()).unwrap();
    let shown = describe(&config);
    // The external id is nobody's business.
    assert!(!shown.contains("hunter2"), "{shown}");
    let sources = &shown[shown.find("source ").unwrap()..];
    let expected = "\
source prod/v3/gz
  account     prod
  api         v3, GET signed with HmacSHA1
  region      gz
  endpoint    the cloud's own, in the public domain
  read        one stream for each namespace
  lateness    each function's timeout (15m where not known), 3m of delivery
  namespaces  named shop, without those matching old.*
  functions   all
  requests    at most 5 a second for each action, 100 for ListFunctions, 100 for GetFunction, 20 for ListNamespaces, 16 in flight
  credentials the first found of environment, the SDK's credentials file, tccli's file, \
the machine's role, the TKE pod's identity
source test/cls/gz
  account     test
  api         cls, POST signed with TC3-HMAC-SHA256
  region      gz
  endpoint    the cloud's own, in the international domain
  services    sts at http://127.0.0.1:1 (not encrypted: use it for tests only), metadata at \
http://127.0.0.1:2
  read        the log topics t-1 t-2
  lateness    3m of delivery
  namespaces  all
  functions   all
  requests    at most 10 a second for each action, 100 for ListFunctions, 100 for GetFunction, 20 for ListNamespaces, 16 in flight
  credentials the first found of environment, the SDK's credentials file, tccli's file, \
the machine's role, the TKE pod's identity
  role        qcs::cam::uin/1:roleName/r as scf-exporter, for 2h at a time, with an external id
";
    assert_eq!(sources, expected);
}

#[test]
fn a_source_is_read_as_it_is_written() {
    let text = "sources: [{account: prod, api: cls, region: gz, domain: internal, topics: [b, a], \
                namespaces: {names: [shop], include: [p.*]}, functions: {exclude: [x]}, role: \
                {arn: \"qcs::cam::uin/1:roleName/r\", session_name: s-1, duration: 15m}}]\n";
    let source = only(text);
    assert_eq!(
        (source.name.as_str(), source.account.as_str()),
        ("prod/cls/gz", "prod")
    );
    assert_eq!((source.api, source.domain), (Api::Cls, Domain::Internal));
    assert_eq!(source.topics, ["b", "a"]);
    assert!(source.namespaces.wants("shop") && source.namespaces.wants("prod"));
    assert!(!source.namespaces.wants("default") && !source.functions.wants("x"));
    let expected = Role {
        arn: "qcs::cam::uin/1:roleName/r".to_owned(),
        session_name: "s-1".to_owned(),
        duration: Duration::from_secs(900),
        external_id: None,
    };
    assert_eq!(source.role, Some(expected));
}

#[test]
fn each_api_signs_in_its_own_way_unless_told() {
    for (api, expected) in [
        ("v2", SignatureMethod::HmacSha256),
        ("v3", SignatureMethod::Tc3),
        ("cls", SignatureMethod::Tc3),
    ] {
        let plain = only(&format!("sources: [{{api: {api}, region: gz}}]"));
        assert_eq!(plain.signature_method, expected, "{api}");
        let sha1 = only(&format!(
            "sources: [{{api: {api}, region: gz, method: GET, signature_method: HmacSHA1}}]"
        ));
        assert_eq!(sha1.signature_method, SignatureMethod::HmacSha1, "{api}");
        assert_eq!(sha1.method.as_str(), "GET");
    }
}

#[test]
fn an_endpoint_stands_for_every_service_that_has_none_of_its_own() {
    let shared = |api: &str| {
        only(&format!(
            "sources: [{{api: {api}, region: gz, endpoint: \"http://h:1/x\", \
             endpoints: {{metadata: \"http://m\"}}}}]"
        ))
    };
    let url = Some("http://h:1/x");
    assert_eq!(urls(&shared("cls")), [url, url, url, Some("http://m")]);
    // The path is that of v2, which no other service has.
    let source = shared("v2");
    assert_eq!(source.endpoint.as_deref(), url);
    assert_eq!(
        (
            source.url_of(&source.endpoints.sts),
            source.url_of(&source.endpoints.metadata)
        ),
        (Some("http://h:1"), Some("http://m"))
    );
    let one = only("sources: [{api: cls, region: gz, endpoints: {cls: \"https://c\"}}]");
    assert_eq!(urls(&one), [None, Some("https://c"), None, None]);
}

#[test]
fn flags_reach_namespaces_topics_and_domain() {
    let mut flags = source_flags("cls");
    flags = flags.with("sources[].domain", Some("international".to_owned()));
    flags = flags.with("sources[].topics", vec!["t-1".to_owned()]);
    flags = flags.with("sources[].namespaces.names", vec!["shop".to_owned()]);
    let text = "sources: [{api: v3, region: gz, topics: [old], namespaces: {include: [x.*]}}]";
    let config = parse(text, "c.yaml", &flags).unwrap();
    let source = &config.sources[0];
    assert_eq!(
        (source.api, source.domain),
        (Api::Cls, Domain::International)
    );
    assert_eq!(source.topics, ["t-1"]);
    assert_eq!(source.namespaces.exact_names().unwrap(), ["shop"]);
}

#[test]
fn flags_that_mean_nothing_for_the_api_are_refused() {
    let mut flags = source_flags("v2");
    flags = flags.with("sources[].domain", Some("public".to_owned()));
    flags = flags.with("sources[].topics", vec!["t-1".to_owned()]);
    flags = flags.with("sources[].namespaces.exclude", vec!["x".to_owned()]);
    let faults = config::load(None, &flags, &|_| None)
        .unwrap_err()
        .to_string();
    assert_eq!(
        faults,
        "--domain (SCF_EXPORTER_DOMAIN): means nothing for v2: it has one host; leave it out, or \
         write another as endpoint\n\
         --namespace.exclude (SCF_EXPORTER_NAMESPACE_EXCLUDE): means nothing for v2: it knows no \
         namespaces; leave it out\n\
         --topic (SCF_EXPORTER_TOPIC): means nothing for v2: only cls reads log topics; leave it \
         out"
    );
    let mut flags = source_flags("cls");
    flags = flags.with("sources[].read", Some("region".to_owned()));
    let faults = config::load(None, &flags, &|_| None)
        .unwrap_err()
        .to_string();
    assert_eq!(
        faults,
        "--read (SCF_EXPORTER_READ): means nothing for cls: its streams are log topics; leave it \
         out"
    );
}

#[test]
fn what_is_hardly_a_region_is_told_with_what_was_meant() {
    let text = "sources:\n\
                - {name: a, api: cls, region: gz}\n\
                - {name: b, api: v3, region: guangzhou, namespaces: {names: [x]}}\n\
                - {name: c, api: v3, region: ap-guangzhou-3}\n\
                - {name: d, api: cls, region: ap-guangzhou, topics: [t-1]}\n\
                - {name: e, api: v2, region: bj}\n\
                - {name: f, api: v2, region: beijing}\n\
                - {name: g, api: v2, region: ap-nowhere}\n";
    let config = parse(text, "c.yaml", &Overrides::default()).unwrap();
    let expected = [
        "c.yaml:2:31: sources[0].region: `gz` is hardly a region: did you mean ap-guangzhou?",
        "c.yaml:3:30: sources[1].region: `guangzhou` is hardly a region: did you mean ap-guangzhou?",
        "c.yaml:4:30: sources[2].region: `ap-guangzhou-3` is hardly a region: did you mean \
         ap-guangzhou?",
        "c.yaml:7:30: sources[5].region: `beijing` is hardly a region: did you mean ap-beijing?",
    ];
    assert_eq!(config.warnings, expected);
    let config = parse("", "", &source_flags("v3")).unwrap();
    let expected = "--region (SCF_EXPORTER_REGION): `gz` is hardly a region: did you mean \
                    ap-guangzhou?";
    assert_eq!(config.warnings, [expected]);
}

/// A variable that names no certificates would leave none to trust.
#[test]
fn what_names_the_machines_certificates_has_to_be_there() {
    let folder = crate::support::root().join("tests/data/config");
    let told = |name: &'static str, value: &str| {
        let env = |asked: &str| (asked == name).then(|| value.to_owned());
        let flags = source_flags("v2");
        let parsed = config::load(None, &flags, &env);
        parsed.err().map(|faults| faults.to_string())
    };
    let file = |name: &str| folder.join(name).display().to_string();
    for (value, wanted) in [
        (String::new(), "SSL_CERT_FILE: is set but empty"),
        (file("no-such-file.pem"), "which cannot be read"),
        (file("no-certificate.pem"), "holds no certificate"),
        (
            file("damaged.pem"),
            "holds 1 certificates, of which 1 cannot be read",
        ),
    ] {
        let told = told("SSL_CERT_FILE", &value).unwrap();
        assert!(told.starts_with("SSL_CERT_FILE: "), "{told}");
        assert!(told.contains(wanted), "{told}");
    }
    let both = format!("{}:{}", folder.display(), file("no-such-folder"));
    let told_of_folder = told("SSL_CERT_DIR", &both).unwrap();
    assert!(
        told_of_folder.contains("no-such-folder"),
        "{told_of_folder}"
    );
    assert_eq!(told("SSL_CERT_DIR", &folder.display().to_string()), None);
    assert_eq!(told("SSL_CERT_DIR", ""), None);
}

#[test]
fn authorities_of_a_source_are_read_and_described() {
    let folder = tempfile::tempdir().unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::default()
        .self_signed(&key)
        .unwrap();
    std::fs::write(folder.path().join("ca.pem"), certificate.pem()).unwrap();
    let text = "sources: [{api: cls, region: ap-guangzhou, tls: {ca_file: ca.pem}}]\n";
    let config = config::parse(
        text,
        "c.yaml",
        folder.path(),
        &Overrides::default(),
        &|_| None,
    );
    let config = config.unwrap();
    let file = config.sources[0].ca_file.as_ref().unwrap();
    assert_eq!(file.certificates, [certificate.der().to_vec()]);
    let path = folder.path().join("ca.pem").display().to_string();
    let shown = describe(&config);
    assert!(shown.contains(&format!(
        "trust       the machine's certificates, and those in {path}"
    )));
}
