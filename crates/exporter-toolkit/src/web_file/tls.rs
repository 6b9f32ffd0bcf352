//! The block `tls_server_config`.

use super::form::{Block, Form};
use super::{Pem, WebTls};
use crate::{Choice, Cipher, ClientAuth, Curve, Found, Secret, TlsVersion};

const PATH: &str = "tls_server_config";
const KEYS: &[&str] = &[
    "cert",
    "key",
    "client_ca",
    "cert_file",
    "key_file",
    "client_auth_type",
    "client_ca_file",
    "cipher_suites",
    "curve_preferences",
    "min_version",
    "max_version",
    "prefer_server_cipher_suites",
    "client_allowed_sans",
];
/// A word of older versions of the toolkit, which newer ones still take.
const REQUIRE_ANY_OLD: &str = "RequireClientCert";

/// Versions and cipher suites; at least one of the suites fits one of the versions.
#[derive(Debug, Clone)]
pub struct TlsSuites {
    /// The suites of TLS 1.2; none where that version is off.
    pub tls12: Vec<Cipher>,
    /// Whether TLS 1.3 is on, always with all of its suites.
    pub tls13: bool,
}

/// Reads the block. It switches TLS on as soon as it says anything about certificates.
pub(super) fn tls(form: &mut Form<'_>, root: &Block) -> Option<WebTls> {
    let block = form.block(root.get(PATH), PATH, KEYS);
    let cert = pem(
        form,
        &block,
        "tls_server_config.cert_file",
        "tls_server_config.cert",
    );
    let key = pem(
        form,
        &block,
        "tls_server_config.key_file",
        "tls_server_config.key",
    );
    let client_ca = pem(
        form,
        &block,
        "tls_server_config.client_ca_file",
        "tls_server_config.client_ca",
    );
    let asked = form.text(&block, "client_auth_type");
    let client_auth = asked.as_ref().map(|text| client_auth(form, text));
    let sans = form.list(&block, "client_allowed_sans");
    let suites = suites(form, &block);
    let curves = curves(form, &block);
    let prefer_server_order = form.truth(&block, "prefer_server_cipher_suites", true);
    if cert.is_none() && key.is_none() && client_ca.is_none() && asked.is_none() {
        return None;
    }
    let client_auth = client_auth.unwrap_or(ClientAuth::None);
    check_authorities(form, &block, client_auth, client_ca.as_ref());
    let mut missing = |pem: Option<Pem>, name: &str, what: &str| {
        if pem.is_none() {
            let message = format!("is missing: write {name}_file, the {what} in PEM");
            form.fault(block.at(""), format!("{PATH}.{name}_file"), message);
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
        suites,
        curves,
        prefer_server_order,
    })
}

/// The file, or the text that stands there itself; the file wins.
fn pem(
    form: &mut Form<'_>,
    block: &Block,
    file: &'static str,
    inline: &'static str,
) -> Option<Pem> {
    let name = |path: &'static str| path.rsplit('.').next().unwrap_or(path);
    let written = form.text(block, name(file));
    let here = form.text(block, name(inline));
    if let Some(Found { value, at }) = written {
        return Some(Pem {
            path: file,
            at,
            file: Some(form.file(&value)),
            text: Secret::new(""),
        });
    }
    here.map(|Found { value, at }| Pem {
        path: inline,
        at,
        file: None,
        text: Secret::new(value),
    })
}

fn client_auth(form: &mut Form<'_>, text: &Found<String>) -> ClientAuth {
    if text.value == REQUIRE_ANY_OLD {
        return ClientAuth::RequireAny;
    }
    let path = format!("{PATH}.client_auth_type");
    form.word(text, path, |_| None).unwrap_or(ClientAuth::None)
}

/// Authorities without a question to clients are a slip, and so is the reverse: without
/// authorities of one's own, every certificate that the system trusts would open the door.
fn check_authorities(form: &mut Form<'_>, block: &Block, auth: ClientAuth, ca: Option<&Pem>) {
    match (auth, ca) {
        (ClientAuth::None, Some(ca)) => {
            let message = "has no use without client_auth_type: write RequireAndVerifyClientCert \
                           there, or remove this";
            form.fault(ca.at, ca.path, message);
        }
        (ClientAuth::VerifyIfGiven | ClientAuth::RequireAndVerify, None) => {
            let message = format!(
                "{auth} is not offered here without authorities of your own: write \
                 client_ca_file, or RequireAnyClientCert"
            );
            let at = block.at("client_auth_type");
            form.fault(at, block.path_of("client_auth_type"), message);
        }
        _ => {}
    }
}

fn suites(form: &mut Form<'_>, block: &Block) -> TlsSuites {
    let mut version = |name: &str, default| match form.text(block, name) {
        Some(text) => {
            let path = block.path_of(name);
            form.word(&text, path, old_version).unwrap_or(default)
        }
        None => default,
    };
    let least = version("min_version", TlsVersion::Tls12);
    let most = version("max_version", TlsVersion::Tls13);
    if (least, most) == (TlsVersion::Tls13, TlsVersion::Tls12) {
        let message = "is above max_version, which leaves no version: write TLS12, or remove one";
        form.fault(
            block.at("min_version"),
            block.path_of("min_version"),
            message,
        );
    }
    let written = form.list(block, "cipher_suites").unwrap_or_default();
    let mut ciphers = Vec::new();
    for (index, text) in written.iter().enumerate() {
        let path = format!("{PATH}.cipher_suites[{index}]");
        ciphers.extend(form.word::<Cipher>(text, path, old_cipher));
    }
    let all = || Cipher::all().collect::<Vec<_>>();
    let mut tls12 = if written.is_empty() { all() } else { ciphers };
    tls12.retain(|cipher| cipher.is_tls12() && least == TlsVersion::Tls12);
    let tls13 = most == TlsVersion::Tls13;
    if tls12.is_empty() && !tls13 && least == TlsVersion::Tls12 && !form.has_faults() {
        let message = "holds no suite of TLS 1.2, and max_version allows no other: add one, such \
                       as TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256";
        let at = block.at("cipher_suites");
        form.fault(at, block.path_of("cipher_suites"), message);
    }
    TlsSuites { tls12, tls13 }
}

fn curves(form: &mut Form<'_>, block: &Block) -> Vec<Curve> {
    let written = form.list(block, "curve_preferences").unwrap_or_default();
    let mut curves = Vec::new();
    for (index, text) in written.iter().enumerate() {
        let path = format!("{PATH}.curve_preferences[{index}]");
        curves.extend(form.word::<Curve>(text, path, |word| {
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
    fn all() -> impl Iterator<Item = Self> {
        Self::VALUES.iter().copied()
    }

    /// Whether it is one of TLS 1.2.
    pub fn is_tls12(self) -> bool {
        self.as_str().contains("_WITH_")
    }
}
