use proptest::prelude::*;

use super::*;

/// The two signatures printed on the vendor's v2 request-signature page, for the same call.
#[test]
fn the_published_vectors_hold() {
    for (method, name, expected) in [
        (
            SigningMethod::HmacSha256,
            "HmacSHA256",
            "0EEm/HtGRr/VJXTAD9tYMth1Bzm3lLHz5RCDv1GdM8s=",
        ),
        (
            SigningMethod::HmacSha1,
            "HmacSHA1",
            "nPVnY6njQmwQ8ciqbPl5Qe+Oru4=",
        ),
    ] {
        let source = format!(
            "GETcvm.api.qcloud.com/v2/index.php?Action=DescribeInstances\
             &InstanceIds.0=ins-09dx96dg&Nonce=11886&Region=ap-guangzhou\
             &SecretId=AKIDz8krbsJ5yKBZQpn74WFkmLPx3gnPhESA&SignatureMethod={name}\
             &Timestamp=1465185768"
        );
        let params = [
            ("Timestamp", "1465185768"),
            ("Nonce", "11886"),
            ("InstanceIds.0", "ins-09dx96dg"),
            ("Action", "DescribeInstances"),
            ("SecretId", "AKIDz8krbsJ5yKBZQpn74WFkmLPx3gnPhESA"),
            ("Region", "ap-guangzhou"),
            ("SignatureMethod", method.as_str()),
        ];
        let built = source_string(
            Service::V2,
            Method::Get,
            "cvm.api.qcloud.com",
            "/v2/index.php",
            &params,
        );
        assert_eq!(built, source);
        let key = Secret::new("Gu5t9xGARNpq86cd98joQYCN3Cozk1qA");
        assert_eq!(signature(method, &key, &built), expected);
    }
}

#[test]
fn names_are_sorted_by_byte_as_signed() {
    let params = [
        ("b", "1"),
        ("ids.2", "x"),
        ("ids.10", "y"),
        ("B", ""),
        ("_x", "a_b"),
    ];
    assert_eq!(
        source_string(Service::V2, Method::Get, "h:1", "/p", &params),
        "GETh:1/p?.x=a_b&B=&b=1&ids.10=y&ids.2=x"
    );
}

#[test]
fn an_at_value_is_signed_in_get_and_not_in_post() {
    let params = [("searchKey", "@file"), ("limit", "1")];
    let get = source_string(Service::V2, Method::Get, "h", "/", &params);
    let post = source_string(Service::V2, Method::Post, "h", "/", &params);
    assert_eq!(get, "GETh/?limit=1&searchKey=@file");
    assert_eq!(post, "POSTh/?limit=1");
}

/// The call of the vendor's page on the older signatures of API 3.0, with its printed signature.
#[test]
fn the_published_vector_of_api_3_holds() {
    let params = [
        ("Action", "DescribeInstances"),
        ("InstanceIds.0", "ins-09dx96dg"),
        ("Limit", "20"),
        ("Nonce", "11886"),
        ("Offset", "0"),
        ("Region", "ap-guangzhou"),
        ("SecretId", "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE"),
        ("Timestamp", "1465185768"),
        ("Version", "2017-03-12"),
    ];
    let host = "cvm.tencentcloudapi.com";
    let source = source_string(Service::Scf, Method::Get, host, "/", &params);
    let key = Secret::new("Gu5t9xGARNpq86cd98joQYCN3EXAMPLE");
    assert_eq!(
        signature(SigningMethod::HmacSha1, &key, &source),
        "EliP9YW3pW28FpsEdkXt/+WcGeI="
    );
}

/// The text and the signatures are those of the vendor's Python client for these parameters.
#[test]
fn api_3_signs_names_as_v2_does_and_values_as_they_are() {
    let params = [("a_b", "@x_y"), ("aB", "2"), ("_c", "3"), ("a.c", "1")];
    let host = "cls.tencentcloudapi.com";
    let source = source_string(Service::Cls, Method::Post, host, "/", &params);
    let expected = "POSTcls.tencentcloudapi.com/?.c=3&a.b=@x_y&a.c=1&aB=2";
    assert_eq!(source, expected);
    let key = Secret::new("Gu5t9xGARNpq86cd98joQYCN3EXAMPLE");
    for (method, expected) in [
        (SigningMethod::HmacSha1, "ek+oWhxo4Xp+lHGIciEkztyybYA="),
        (
            SigningMethod::HmacSha256,
            "Bk0tVEVOAbvspCfSWFy294OwsSDx6DPty8JUPm1+sO4=",
        ),
    ] {
        assert_eq!(signature(method, &key, &source), expected);
    }
}

proptest! {
    #[test]
    fn the_order_given_does_not_matter(
        params in prop::collection::btree_map("[A-Za-z._]{1,6}", ".{0,6}", 0..8),
        post in any::<bool>(),
    ) {
        let method = if post { Method::Post } else { Method::Get };
        let forward: Vec<_> = params.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let backward: Vec<_> = forward.iter().rev().copied().collect();
        prop_assert_eq!(
            source_string(Service::V2, method, "h", "/", &forward),
            source_string(Service::V2, method, "h", "/", &backward)
        );
    }
}
