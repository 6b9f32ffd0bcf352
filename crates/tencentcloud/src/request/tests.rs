use serde_json::json;

use super::*;
use crate::endpoint::Endpoint;
use crate::secret::Secret;

fn signer(service: Service, method: Method, signing: SigningMethod) -> ClientConfig {
    ClientConfig {
        endpoint: Endpoint::parse(service, "http://127.0.0.1:18080").unwrap(),
        method,
        signing,
        ..ClientConfig::new(service, "ap-guangzhou")
    }
}

fn credentials(token: Option<&str>) -> Credentials {
    Credentials::new(
        "AKIDEXAMPLE0000000000000000000000001".to_owned(),
        Secret::new("EXAMPLESECRETKEY0123456789abcdef"),
        token.map(Secret::new),
        "a test",
    )
    .unwrap()
}

fn at(unix_seconds: i64) -> Moment {
    Moment {
        unix_seconds,
        nonce: 7,
    }
}

fn sign(method: Method, token: Option<&str>) -> Signed {
    let params = json!({
        "functionName": "demo",
        "limit": "100",
        "offset": "0",
        "order": "asc",
        "orderby": "startTime",
    });
    let signer = signer(Service::V2, method, SigningMethod::Tc3);
    let credentials = credentials(token);
    signer.sign(
        "GetFunctionLogs",
        &params,
        Some(&credentials),
        at(1_700_000_000),
    )
}

fn value<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    let found = request.headers.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.as_str())
}

/// The vendor's Python SDK, for the same parameters, signs `9/XnD5TZ...` over a host with a
/// port.
#[test]
fn a_get_request_is_the_sdks() {
    let request = sign(Method::Get, None).request;
    let (base, query) = request.url.split_once('?').unwrap();
    assert_eq!(base, "http://127.0.0.1:18080/v2/index.php");
    let mut parts: Vec<_> = query.split('&').collect();
    parts.sort_unstable();
    assert_eq!(
        parts,
        [
            "Action=GetFunctionLogs",
            "Nonce=7",
            "Region=ap-guangzhou",
            "SecretId=AKIDEXAMPLE0000000000000000000000001",
            "Signature=9%2FXnD5TZ2v2KvKSc%2Bovsa5DeSIpUCJvkgA3JezhZt%2B0%3D",
            "SignatureMethod=HmacSHA256",
            "Timestamp=1700000000",
            "functionName=demo",
            "limit=100",
            "offset=0",
            "order=asc",
            "orderby=startTime",
        ]
    );
    assert!(request.headers.is_empty() && request.body.is_empty());
}

#[test]
fn a_post_request_has_all_in_the_body() {
    let request = sign(Method::Post, Some("a+b/c=d_e~f.g%h&i j")).request;
    assert_eq!(request.url, "http://127.0.0.1:18080/v2/index.php");
    let body = std::str::from_utf8(&request.body).unwrap();
    let token = "Token=a%2Bb%2Fc%3Dd_e~f.g%25h%26i%20j";
    assert!(body.split('&').any(|part| part == token), "{body}");
    assert_eq!(request.headers[0].1, "application/x-www-form-urlencoded");
}

#[test]
fn secrets_are_neither_in_debug_nor_left_in_echoes() {
    let signed = sign(Method::Get, Some("t0k+n"));
    assert!(!signed.request.url.contains("EXAMPLESECRETKEY"));
    let shown = format!("{:?} {:#?}", signed.request, signed.request);
    assert!(
        !shown.contains("t0k") && !shown.contains("Signature="),
        "{shown}"
    );
    let echo = format!("got {} with t0k+n and 9/x", signed.request.url);
    let masked = signed.redactor.mask(&echo);
    assert!(
        !masked.contains("t0k") && masked.contains("Token=<secret>"),
        "{masked}"
    );
    assert!(masked.contains("Signature=<secret>"), "{masked}");
}

/// Every header of the vendor's Python client but its own name, and its signature of `{}`.
#[test]
fn a_tc3_request_is_the_sdks() {
    let mut signer = signer(Service::Scf, Method::Post, SigningMethod::Tc3);
    signer.endpoint = Endpoint::of(Service::Scf, "", Default::default());
    signer.region.clear();
    let moment = at(1_551_113_065);
    let signed = signer.sign(
        "ListFunctions",
        &json!({}),
        Some(&credentials(None)),
        moment,
    );
    let request = signed.request;
    assert_eq!(request.url, "https://scf.tencentcloudapi.com/");
    assert_eq!((request.method, &*request.body), (Method::Post, &b"{}"[..]));
    let authorization = "TC3-HMAC-SHA256 \
        Credential=AKIDEXAMPLE0000000000000000000000001/2019-02-25/scf/tc3_request, \
        SignedHeaders=content-type;host, \
        Signature=8224a5227763d31c73b62d251c3e2b5c83dca48a87f7418f9b4e837bbf5aea5a";
    for (name, expected) in [
        ("content-type", Some("application/json")),
        ("authorization", Some(authorization)),
        ("x-tc-action", Some("ListFunctions")),
        ("x-tc-version", Some("2018-04-16")),
        ("x-tc-timestamp", Some("1551113065")),
        ("x-tc-language", Some("en-US")),
        ("x-tc-region", None),
        ("x-tc-token", None),
    ] {
        assert_eq!(value(&request, name), expected, "{name}");
    }
}

#[test]
fn a_tc3_get_has_the_leaves_in_its_query() {
    let signer = signer(Service::Cls, Method::Get, SigningMethod::Tc3);
    let params = json!({"Topics": [{"TopicId": "t 1"}]});
    let signed = signer.sign("SearchLog", &params, Some(&credentials(None)), at(0));
    let request = signed.request;
    assert_eq!(
        request.url,
        "http://127.0.0.1:18080/?Topics.0.TopicId=t%201"
    );
    let kind = Some("application/x-www-form-urlencoded");
    assert_eq!(value(&request, "content-type"), kind);
    assert_eq!(value(&request, "x-tc-region"), Some("ap-guangzhou"));
    assert!(request.body.is_empty());
}

/// The older methods at API 3.0: the same form at the root, with the version in it.
#[test]
fn a_form_of_api_3_has_version_and_flat_names() {
    for (method, signing) in [
        (Method::Post, SigningMethod::HmacSha256),
        (Method::Get, SigningMethod::HmacSha1),
    ] {
        let params = json!({"Filter": {"RetCode": "not0"}});
        let signer = signer(Service::Scf, method, signing);
        let request = signer
            .sign(
                "GetFunctionLogs",
                &params,
                Some(&credentials(Some("t0k"))),
                at(0),
            )
            .request;
        let form = match method {
            Method::Post => String::from_utf8(request.body.to_vec()).unwrap(),
            Method::Get => request.url.split_once("/?").unwrap().1.to_owned(),
        };
        let word = format!("SignatureMethod={}", signing.as_str());
        for part in [
            "Filter.RetCode=not0",
            "Version=2018-04-16",
            "Token=t0k",
            &word,
        ] {
            assert!(form.split('&').any(|p| p == part), "{form}");
        }
        assert_eq!(value(&request, "authorization"), None);
    }
}

/// As the vendor's Python client sends it; the token in it proves who calls, and is masked.
#[test]
fn an_unsigned_request_says_so_and_hides_its_token() {
    let signer = signer(Service::Sts, Method::Get, SigningMethod::HmacSha1);
    let params = json!({"WebIdentityToken": "eyJ.jwt", "RoleSessionName": "s"});
    let signed = signer.sign("AssumeRoleWithWebIdentity", &params, None, at(5));
    assert_eq!(signed.request.method, Method::Post);
    assert_eq!(value(&signed.request, "authorization"), Some("SKIP"));
    assert_eq!(value(&signed.request, "x-tc-version"), Some("2018-08-13"));
    let body: Value = serde_json::from_slice(&signed.request.body).unwrap();
    assert_eq!(body, params);
    assert_eq!(
        signed.redactor.mask("bad eyJ.jwt of s"),
        "bad <secret> of s"
    );
}

#[test]
fn headers_hold_the_token_and_debug_does_not() {
    let signer = signer(Service::Scf, Method::Post, SigningMethod::Tc3);
    let signed = signer.sign("A", &json!({}), Some(&credentials(Some("t0k+n"))), at(0));
    assert_eq!(value(&signed.request, "x-tc-token"), Some("t0k+n"));
    let authorization = value(&signed.request, "authorization").unwrap();
    let shown = format!("{:?} {:#?}", signed.request, signed.request);
    assert!(!shown.contains("t0k") && !shown.contains("TC3"), "{shown}");
    let masked = signed.redactor.mask(&format!("{authorization} t0k+n"));
    assert!(masked.ends_with("Signature=<secret> <secret>"), "{masked}");
}
