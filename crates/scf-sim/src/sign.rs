//! Verifies signatures over sorted parameters (HmacSHA1, HmacSHA256) as the vendor's pages on
//! request signatures describe them: those of v2, and the older scheme of API 3.0.
//!
//! The vendor's own v2 clients disagree on names with an underscore, so every variant that one of
//! them signs is accepted. SCF's documented parameters have no underscore, so all variants agree on
//! them. API 3.0 has one variant: `_` in a name is signed as `.`, values as they are.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::Sha256;

use super::form::Params;

/// The host that v2 clients sign, whatever host they connect to.
const CANONICAL_HOST: &str = "scf.api.qcloud.com";
/// The path of API 3.0.
const API3_PATH: &str = "/";

/// The signed parts of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Signed<'a> {
    pub(crate) method: &'a str,
    /// Hosts that the client may have signed.
    pub(crate) hosts: &'a [String],
    pub(crate) path: &'a str,
    pub(crate) params: &'a Params,
}

/// Returns the hosts that a v2 client may have signed if its Host header is `sent`.
pub(crate) fn v2_hosts(sent: &str) -> Vec<String> {
    vec![sent.to_owned(), CANONICAL_HOST.to_owned()]
}

/// How a client treats `_` in names.
#[derive(Debug, Clone, Copy)]
struct Variant {
    /// Names are rewritten before they are sorted (Python) or after (PHP, Node).
    rewrite_first: bool,
    /// A name that begins with `_` is rewritten (Python) or left alone (PHP, Node).
    rewrite_leading: bool,
    /// Values of a POST that begin with `@` (file uploads) are sent but not signed.
    legacy: bool,
}

// === impl Signed ===

impl Signed<'_> {
    /// Returns whether the request has a valid signature by `secret_key`.
    pub(crate) fn is_valid(&self, secret_key: &str) -> bool {
        let given = self.params.get("Signature").unwrap_or_default();
        let Ok(given) = STANDARD.decode(given) else {
            return false;
        };
        let sha256 = self.params.get("SignatureMethod") == Some("HmacSHA256");
        self.source_strings().iter().any(|source| {
            if sha256 {
                matches::<Hmac<Sha256>>(secret_key, source, &given)
            } else {
                matches::<Hmac<Sha1>>(secret_key, source, &given)
            }
        })
    }

    /// Returns every text that a client may have signed for this request.
    pub(crate) fn source_strings(&self) -> Vec<String> {
        let mut sources = Vec::new();
        let variants: &[Variant] = if self.path == API3_PATH {
            &[Variant::API3]
        } else {
            &Variant::LEGACY
        };
        for host in self.hosts {
            for &variant in variants {
                let source = self.source_string(host, variant);
                if !sources.contains(&source) {
                    sources.push(source);
                }
            }
        }
        sources
    }

    fn source_string(&self, host: &str, variant: Variant) -> String {
        let post = self.method.eq_ignore_ascii_case("POST");
        let mut pairs: Vec<(String, &str)> = self
            .params
            .iter()
            .filter(|(name, _)| *name != "Signature")
            .filter(|(_, value)| !(variant.legacy && post && value.starts_with('@')))
            .map(|(name, value)| (variant.name(name), value))
            .collect();
        if variant.rewrite_first {
            pairs.sort();
        }
        let joined: Vec<String> = pairs
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let method = self.method.to_ascii_uppercase();
        format!("{method}{host}{}?{}", self.path, joined.join("&"))
    }
}

fn matches<M: Mac + KeyInit>(secret_key: &str, source: &str, given: &[u8]) -> bool {
    // HMAC accepts keys of any length, so the error cannot occur; it would mean "no match".
    <M as KeyInit>::new_from_slice(secret_key.as_bytes())
        .is_ok_and(|mac| mac.chain_update(source).verify_slice(given).is_ok())
}

// === impl Variant ===

impl Variant {
    const API3: Self = Self {
        rewrite_first: true,
        rewrite_leading: true,
        legacy: false,
    };
    const LEGACY: [Self; 4] = [
        Self::legacy(true, true),
        Self::legacy(false, false),
        Self::legacy(true, false),
        Self::legacy(false, true),
    ];

    const fn legacy(rewrite_first: bool, rewrite_leading: bool) -> Self {
        Self {
            rewrite_first,
            rewrite_leading,
            legacy: true,
        }
    }

    fn name(self, name: &str) -> String {
        if name.starts_with('_') && !self.rewrite_leading {
            name.to_owned()
        } else {
            name.replace('_', ".")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const V2: &str = "/v2/index.php";

    fn params(text: &str) -> Params {
        Params::parse(text.as_bytes()).unwrap()
    }

    fn is_valid(method: &str, host: &str, path: &str, text: &str, secret_key: &str) -> bool {
        let signed = Signed {
            method,
            hosts: &v2_hosts(host),
            path,
            params: &params(text),
        };
        signed.is_valid(secret_key)
    }

    #[test]
    fn accepts_the_published_vectors() {
        // The signatures that are printed on the vendor's pages on request signatures.
        let v2 = |tail| {
            format!(
                "Action=DescribeInstances&SecretId=AKIDz8krbsJ5yKBZQpn74WFkmLPx3gnPhESA&\
                 Timestamp=1465185768&Nonce=11886&Region=ap-guangzhou&\
                 InstanceIds.0=ins-09dx96dg&SignatureMethod={tail}"
            )
        };
        // Without SignatureMethod, HmacSHA1 is used.
        let api3 = "Action=DescribeInstances&InstanceIds.0=ins-09dx96dg&Limit=20&Nonce=11886&\
                    Offset=0&Region=ap-guangzhou&SecretId=AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE&\
                    Timestamp=1465185768&Version=2017-03-12&\
                    Signature=EliP9YW3pW28FpsEdkXt%2F%2BWcGeI%3D";
        let sha256 = "0EEm%2FHtGRr%2FVJXTAD9tYMth1Bzm3lLHz5RCDv1GdM8s%3D";
        let v2_key = "Gu5t9xGARNpq86cd98joQYCN3Cozk1qA";
        for (path, text, key) in [
            (V2, v2(format!("HmacSHA256&Signature={sha256}")), v2_key),
            (
                V2,
                v2("HmacSHA1&Signature=nPVnY6njQmwQ8ciqbPl5Qe%2BOru4%3D".to_owned()),
                v2_key,
            ),
            (
                API3_PATH,
                api3.to_owned(),
                "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE",
            ),
        ] {
            let host = match path {
                V2 => "cvm.api.qcloud.com",
                _ => "cvm.tencentcloudapi.com",
            };
            assert!(is_valid("GET", host, path, &text, key), "{text}");
            assert!(!is_valid("POST", host, path, &text, key));
            let other = format!("{}B", &key[..key.len() - 1]);
            assert!(!is_valid("GET", host, path, &text, &other));
        }
        // Only the exact word selects SHA-256.
        let lower = v2(format!("hmacsha256&Signature={sha256}"));
        assert!(!is_valid("GET", "cvm.api.qcloud.com", V2, &lower, v2_key));
        for text in ["Action=X", "Signature=%%%", "Signature=AAAA"] {
            assert!(!is_valid("GET", CANONICAL_HOST, V2, text, "k"), "{text}");
        }
    }

    #[test]
    fn all_variants_of_underscores_are_offered() {
        // If "a_b" and "aB" are sorted first, '_' (0x5F) comes after 'B'; if they are rewritten
        // first, '.' comes before it.
        let signed = Signed {
            method: "GET",
            hosts: &[CANONICAL_HOST.to_owned()],
            path: V2,
            params: &params("a_b=1&aB=2&_x=3&Signature=no"),
        };
        let mut sources = signed.source_strings();
        sources.sort();
        let expected = [
            ".x=3&a.b=1&aB=2",
            ".x=3&aB=2&a.b=1",
            "_x=3&a.b=1&aB=2",
            "_x=3&aB=2&a.b=1",
        ];
        let expected = expected.map(|text| format!("GETscf.api.qcloud.com/v2/index.php?{text}"));
        assert_eq!(sources, expected);
    }

    #[test]
    fn api_3_has_one_variant_that_of_the_vendors_client() {
        // The vendor's Python client produces this text and this signature for these parameters.
        let text = "a_b=%40x_y&aB=2&_c=3&a.c=1&Signature=ek%2BoWhxo4Xp%2BlHGIciEkztyybYA%3D";
        let signed = Signed {
            method: "POST",
            hosts: &["cls.tencentcloudapi.com".to_owned()],
            path: API3_PATH,
            params: &params(text),
        };
        let source = "POSTcls.tencentcloudapi.com/?.c=3&a.b=@x_y&a.c=1&aB=2";
        assert_eq!(signed.source_strings(), [source]);
        assert!(signed.is_valid("Gu5t9xGARNpq86cd98joQYCN3EXAMPLE"));
    }
}
