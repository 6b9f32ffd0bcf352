//! Parses the block `tls_server_config`.

use super::values::Values;
use super::words::{Cipher, ClientAuth, Curve, TlsVersion};
use super::{Pem, WebTls};
use crate::{Choice, Found, Secret, Section};

/// A value of older versions of the toolkit, which newer ones still accept.
const REQUIRE_ANY_OLD: &str = "RequireClientCert";

/// Parses the block. TLS is on if the block mentions certificates at all.
pub(super) fn tls(values: &mut Values<'_>, root: &Section) -> Option<WebTls> {
    let block = values.0.section(root, "tls_server_config");
    let cert = pem(values, &block, "cert_file", "cert");
    let key = pem(values, &block, "key_file", "key");
    let client_ca = pem(values, &block, "client_ca_file", "client_ca");
    let asked = values.text(&block, "client_auth_type");
    let client_auth = asked.as_ref().map(|text| client_auth(values, text));
    let sans = values.list(&block, "client_allowed_sans");
    let (tls12, tls13) = suites(values, &block);
    let curves = curves(values, &block);
    let prefer_server_order = values.boolean(&block, "prefer_server_cipher_suites", true);
    if cert.is_none() && key.is_none() && client_ca.is_none() && asked.is_none() {
        return None;
    }
    let client_auth = client_auth.unwrap_or(ClientAuth::None);
    check_authorities(values, &block, client_auth, client_ca.as_ref());
    let mut missing = |pem: Option<Pem>, name: &str, what: &str| {
        if pem.is_none() {
            let name = format!("{name}_file");
            let message = format!("is missing: write {name}, the {what} in PEM");
            values.0.fault(&block.place(&name), message);
        }
        pem
    };
    let cert = missing(cert, "cert", "certificate of this server");
    let key = missing(key, "key", "private key of its certificate");
    Some(WebTls {
        cert: cert?,
        key: key?,
        client_auth,
        client_ca,
        client_sans: sans.map(|sans| sans.into_iter().map(|san| san.value).collect()),
        tls12,
        tls13,
        curves,
        prefer_server_order,
    })
}

/// Returns the file, or the inline text. The file has precedence.
fn pem(values: &mut Values<'_>, block: &Section, file: &str, inline: &str) -> Option<Pem> {
    let written = values.text(block, file);
    let here = values.text(block, inline);
    let file = written.as_ref().map(|file| values.0.file(&file.value));
    let text = written.or(here)?;
    Some(Pem {
        declared: text.with(()),
        file,
        text: Secret::new(text.value),
    })
}

fn client_auth(values: &mut Values<'_>, text: &Found<String>) -> ClientAuth {
    if text.value == REQUIRE_ANY_OLD {
        return ClientAuth::RequireAny;
    }
    values.word(text, |_| None).unwrap_or(ClientAuth::None)
}

/// Rejects authorities without a request for client certificates, and the reverse: without
/// authorities every certificate that the system trusts would be accepted.
fn check_authorities(values: &mut Values<'_>, block: &Section, auth: ClientAuth, ca: Option<&Pem>) {
    match (auth, ca) {
        (ClientAuth::None, Some(ca)) => {
            let message = "has no use without client_auth_type: write RequireAndVerifyClientCert \
                           there, or remove this";
            values.0.fault(&ca.declared, message);
        }
        (ClientAuth::VerifyIfGiven | ClientAuth::RequireAndVerify, None) => {
            let message = format!(
                "{auth} is not offered here without authorities of your own: write \
                 client_ca_file, or RequireAnyClientCert"
            );
            values.0.fault(&block.place("client_auth_type"), message);
        }
        _ => {}
    }
}

/// Returns the suites of TLS 1.2, and whether TLS 1.3 is on.
fn suites(values: &mut Values<'_>, block: &Section) -> (Vec<Cipher>, bool) {
    let mut version = |name: &str, default| match values.text(block, name) {
        Some(text) => values.word(&text, old_version).unwrap_or(default),
        None => default,
    };
    let least = version("min_version", TlsVersion::Tls12);
    let most = version("max_version", TlsVersion::Tls13);
    if (least, most) == (TlsVersion::Tls13, TlsVersion::Tls12) {
        let message = "is above max_version, which leaves no version: write TLS12, or remove one";
        values.0.fault(&block.place("min_version"), message);
    }
    let written = values.list(block, "cipher_suites").unwrap_or_default();
    let mut ciphers = Vec::new();
    for text in &written {
        ciphers.extend(values.word::<Cipher>(text, old_cipher));
    }
    let mut tls12 = match written.is_empty() {
        true => Cipher::VALUES.to_vec(),
        false => ciphers,
    };
    tls12.retain(|cipher| cipher.is_tls12() && least == TlsVersion::Tls12);
    let tls13 = most == TlsVersion::Tls13;
    if tls12.is_empty() && !tls13 && least == TlsVersion::Tls12 && !values.0.has_faults() {
        let message = "holds no suite of TLS 1.2, and max_version allows no other: add one, such \
                       as TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256";
        values.0.fault(&block.place("cipher_suites"), message);
    }
    (tls12, tls13)
}

fn curves(values: &mut Values<'_>, block: &Section) -> Vec<Curve> {
    let written = values.list(block, "curve_preferences").unwrap_or_default();
    let mut curves = Vec::new();
    for text in &written {
        curves.extend(values.word::<Curve>(text, |word| {
            (word == "CurveP521").then_some("write CurveP384, or X25519")
        }));
    }
    curves
}

fn old_version(word: &str) -> Option<&'static str> {
    ["TLS10", "TLS11"]
        .contains(&word)
        .then_some("it is not safe any more: write TLS12 or TLS13")
}

fn old_cipher(word: &str) -> Option<&'static str> {
    let old = word.starts_with("TLS_RSA_") || word.contains("_CBC_") || word.contains("_RC4_");
    old.then_some(
        "suites with CBC, RC4 or a key exchange without forward secrecy are not safe any more: \
         remove it",
    )
}

impl Cipher {
    fn is_tls12(self) -> bool {
        self.as_str().contains("_WITH_")
    }
}
