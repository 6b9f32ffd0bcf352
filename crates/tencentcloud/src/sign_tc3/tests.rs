use super::*;

/// The call of the vendor's page on TC3. The signature printed there is that of this host; the
/// page's own canonical request prints another one.
#[test]
fn the_published_vector_holds() {
    let request = Tc3 {
        service: "cvm",
        method: Method::Get,
        host: "cvm.tencentcloudapi.com",
        path: "/",
        query: "Limit=10&Offset=0",
        content_type: "application/x-www-form-urlencoded",
        payload: Payload::Bytes(b""),
        unix_seconds: 1_539_084_154,
    };
    let key = Secret::new("Gu5t9xGARNpq86cd98joQYCN3EXAMPLE");
    assert_eq!(
        request.signature(&key),
        "5da7a33f6993f0614b047e5df4582db9e9bf4672ba50567dba16c6ccf174c474"
    );
}

/// A request with an empty object and no region, as the vendor's Python client signs it.
#[test]
fn each_step_is_the_clients() {
    let request = Tc3 {
        service: "scf",
        method: Method::Post,
        host: "scf.tencentcloudapi.com",
        path: "/",
        query: "",
        content_type: "application/json",
        payload: Payload::Bytes(b"{}"),
        unix_seconds: 1_551_113_065,
    };
    // The hash is that of two braces.
    assert_eq!(
        request.canonical_request(),
        "POST\n/\n\ncontent-type:application/json\nhost:scf.tencentcloudapi.com\n\n\
         content-type;host\n44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    );
    assert_eq!(
        request.string_to_sign(),
        "TC3-HMAC-SHA256\n1551113065\n2019-02-25/scf/tc3_request\n\
         823de3f9663446b13caff35bf50c270c00f736cd3e3e2be9c66f5e05a95865d1"
    );
    let signature = request.signature(&Secret::new("EXAMPLESECRETKEY0123456789abcdef"));
    assert_eq!(
        request.authorization("AKID", &signature),
        "TC3-HMAC-SHA256 Credential=AKID/2019-02-25/scf/tc3_request, \
         SignedHeaders=content-type;host, \
         Signature=8224a5227763d31c73b62d251c3e2b5c83dca48a87f7418f9b4e837bbf5aea5a"
    );
    let cased = Tc3 {
        content_type: "application/json; Charset=UTF-8",
        ..request
    };
    let canonical = cased.canonical_request();
    assert!(canonical.contains("content-type:application/json; charset=utf-8\n"));
}
