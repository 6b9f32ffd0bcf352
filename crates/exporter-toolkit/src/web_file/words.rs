//! Words of the block `tls_server_config`.

use crate::choice;

choice! {
    /// The certificate that a client must present during the TLS handshake.
    ClientAuth {
        /// No certificate is requested.
        None = "NoClientCert",
        /// A certificate is requested, but any or none is accepted.
        Request = "RequestClientCert",
        /// Any certificate is required.
        RequireAny = "RequireAnyClientCert",
        /// A certificate is optional, but must be signed by one of the authorities.
        VerifyIfGiven = "VerifyClientCertIfGiven",
        /// A certificate that is signed by one of the authorities is required.
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
    /// A curve for the key exchange.
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
    /// A cipher suite. The three suites of TLS 1.3 are accepted in the file, but are always all
    /// enabled.
    Cipher {
        /// A suite of TLS 1.3.
        Aes128 = "TLS_AES_128_GCM_SHA256",
        /// A suite of TLS 1.3.
        Aes256 = "TLS_AES_256_GCM_SHA384",
        /// A suite of TLS 1.3.
        Chacha20 = "TLS_CHACHA20_POLY1305_SHA256",
        /// A suite of TLS 1.2 for ECDSA and Ed25519 keys.
        EcdsaAes128 = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        /// A suite of TLS 1.2 for ECDSA and Ed25519 keys.
        EcdsaAes256 = "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        /// A suite of TLS 1.2 for ECDSA and Ed25519 keys.
        EcdsaChacha20 = "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        /// A suite of TLS 1.2 for RSA keys.
        RsaAes128 = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        /// A suite of TLS 1.2 for RSA keys.
        RsaAes256 = "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        /// A suite of TLS 1.2 for RSA keys.
        RsaChacha20 = "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    }
}
