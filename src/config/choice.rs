//! Settings that are one of a few words.

use std::fmt;

/// A closed set of words. `NAMES` and `VALUES` go in the same order.
pub(super) trait Choice: Copy + 'static {
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

        impl Choice for $name {
            const NAMES: &'static [&'static str] = &[$($word,)+];
            const VALUES: &'static [Self] = &[$(Self::$variant,)+];
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

choice! {
    /// Which API a source is read through.
    Api {
        /// The legacy API, `scf.api.qcloud.com`.
        V2 = "v2",
        /// `GetFunctionLogs` of API 3.0, in older and private installations.
        V3 = "v3",
        /// Cloud Log Service, where the logs of today's functions are.
        Cls = "cls",
    }
}

choice! {
    /// What one stream of rows covers.
    Read {
        /// As much as the API answers completely.
        Auto = "auto",
        /// One function.
        Function = "function",
        /// All functions of the region.
        Region = "region",
    }
}

choice! {
    /// Under which root domain the cloud is reached. A finance region has hosts of its own.
    Domain {
        /// `tencentcloudapi.com`.
        Public = "public",
        /// `intl.tencentcloudapi.com`, for accounts of the international site.
        International = "international",
        /// `internal.tencentcloudapi.com`, which machines inside the cloud see.
        Internal = "internal",
    }
}

choice! {
    /// How requests are sent. Long queries need POST, and so does TC3.
    HttpMethod {
        /// Parameters in the query string.
        Get = "GET",
        /// Parameters in a form body.
        Post = "POST",
    }
}

choice! {
    /// How requests are signed.
    SignatureMethod {
        /// API 3.0's own, with a key derived for each day and service.
        Tc3 = "TC3-HMAC-SHA256",
        /// HMAC with SHA-256; the legacy API's better one, and known to 3.0.
        HmacSha256 = "HmacSHA256",
        /// HMAC with SHA-1; the same, older.
        HmacSha1 = "HmacSHA1",
    }
}

choice! {
    /// The least severe level that is logged.
    Level {
        /// Errors only.
        Error = "error",
        /// And warnings.
        Warn = "warn",
        /// And what an operator wants to know.
        Info = "info",
        /// And what helps to find a fault.
        Debug = "debug",
        /// Everything.
        Trace = "trace",
    }
}

choice! {
    /// How log lines are written.
    LogFormat {
        /// `key=value` pairs.
        Logfmt = "logfmt",
        /// One JSON object a line.
        Json = "json",
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_values_agree() {
        assert_eq!(Level::from_word("warn"), Some(Level::Warn));
        assert_eq!(Level::from_word("WARN"), None);
        assert_eq!(
            SignatureMethod::from_word("HmacSHA256"),
            Some(SignatureMethod::HmacSha256)
        );
        assert_eq!(SignatureMethod::Tc3.to_string(), "TC3-HMAC-SHA256");
        assert_eq!(Api::from_word("cls"), Some(Api::Cls));
        assert_eq!(HttpMethod::Post.to_string(), "POST");
    }
}
