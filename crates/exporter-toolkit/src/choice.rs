//! Settings that are one of a few words.

/// A closed set of words. `NAMES` and `VALUES` go in the same order.
pub trait Choice: Copy + 'static {
    /// The words as they are written.
    const NAMES: &'static [&'static str];
    /// What they mean.
    const VALUES: &'static [Self];

    /// The value written as `word`.
    fn from_word(word: &str) -> Option<Self> {
        let index = Self::NAMES.iter().position(|name| *name == word)?;
        Self::VALUES.get(index).copied()
    }
}

impl Choice for bool {
    const NAMES: &'static [&'static str] = &["true", "false"];
    const VALUES: &'static [Self] = &[true, false];
}

/// Writes the enum, its words and its `Display` once, so that they cannot drift apart.
#[macro_export]
macro_rules! choice {
    ($(#[$about:meta])* $name:ident { $($(#[$what:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$what])* $variant,)+
        }

        impl $name {
            /// The word in the configuration.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl $crate::Choice for $name {
            const NAMES: &'static [&'static str] = &[$($word,)+];
            const VALUES: &'static [Self] = &[$(Self::$variant,)+];
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

choice! {
    /// What a client must show of itself when a TLS connection begins.
    ClientAuth {
        /// Nothing; it is not asked.
        None = "NoClientCert",
        /// It is asked; anything will do, nothing too.
        Request = "RequestClientCert",
        /// Any certificate.
        RequireAny = "RequireAnyClientCert",
        /// Nothing, or a certificate that one of the authorities signed.
        VerifyIfGiven = "VerifyClientCertIfGiven",
        /// A certificate that one of the authorities signed.
        RequireAndVerify = "RequireAndVerifyClientCert",
    }
}

choice! {
    /// A version of TLS.
    TlsVersion {
        /// TLS 1.2.
        Tls12 = "TLS12",
        /// TLS 1.3.
        Tls13 = "TLS13",
    }
}

choice! {
    /// A curve of the key exchange.
    Curve {
        /// NIST P-256.
        P256 = "CurveP256",
        /// NIST P-384.
        P384 = "CurveP384",
        /// Curve25519.
        X25519 = "X25519",
    }
}

choice! {
    /// A cipher suite. Those of TLS 1.3 can be written but not chosen among: all three are on.
    Cipher {
        /// Of TLS 1.3.
        Aes128 = "TLS_AES_128_GCM_SHA256",
        /// Of TLS 1.3.
        Aes256 = "TLS_AES_256_GCM_SHA384",
        /// Of TLS 1.3.
        Chacha20 = "TLS_CHACHA20_POLY1305_SHA256",
        /// Of TLS 1.2, for ECDSA and Ed25519 keys.
        EcdsaAes128 = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        /// Of TLS 1.2, for ECDSA and Ed25519 keys.
        EcdsaAes256 = "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        /// Of TLS 1.2, for ECDSA and Ed25519 keys.
        EcdsaChacha20 = "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        /// Of TLS 1.2, for RSA keys.
        RsaAes128 = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        /// Of TLS 1.2, for RSA keys.
        RsaAes256 = "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        /// Of TLS 1.2, for RSA keys.
        RsaChacha20 = "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    }
}

/// Returns `a, b or c`.
pub fn alternatives(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [most @ .., last] => format!("{} or {last}", most.join(", ")),
    }
}
