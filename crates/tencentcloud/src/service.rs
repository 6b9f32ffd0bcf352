//! The APIs of the cloud and their signature schemes.

use std::time::Duration;

/// One API of the cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    /// The legacy API of functions: version 2, with form parameters and numeric error codes.
    V2,
    /// API 3.0 of functions.
    Scf,
    /// API 3.0 of the log service.
    Cls,
    /// API 3.0 of temporary credentials.
    Sts,
}

/// A signature scheme.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SigningMethod {
    /// TC3-HMAC-SHA256: a header that covers the whole request. Only API 3.0 supports it; for the
    /// legacy API it stands for the strongest scheme there, [`Self::HmacSha256`].
    #[default]
    Tc3,
    /// HMAC with SHA-256 as an additional parameter.
    HmacSha256,
    /// HMAC with SHA-1 as an additional parameter.
    HmacSha1,
}

// === impl Service ===

impl Service {
    /// Returns the name of this API in metrics and messages.
    pub const fn label(self) -> &'static str {
        match self {
            Self::V2 => "v2",
            Self::Scf => "v3",
            Self::Cls => "cls",
            Self::Sts => "sts",
        }
    }

    /// Returns the vendor's name of the service: the first label of its host and a part of the
    /// scope that TC3 signs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::V2 | Self::Scf => "scf",
            Self::Cls => "cls",
            Self::Sts => "sts",
        }
    }

    /// Returns how far a request's timestamp may differ from the cloud's clock. The vendor's pages
    /// say five minutes for API 3.0, and five minutes or two hours for the legacy API.
    pub const fn clock_allowance(self) -> Duration {
        Duration::from_secs(match self {
            Self::V2 => 7_200,
            Self::Scf | Self::Cls | Self::Sts => 300,
        })
    }

    /// Returns the value of `Version`, which API 3.0 requires. The legacy API has none, and its
    /// requests do not contain it.
    pub const fn version(self) -> &'static str {
        match self {
            Self::V2 | Self::Scf => "2018-04-16",
            Self::Cls => "2020-10-16",
            Self::Sts => "2018-08-13",
        }
    }

    /// Returns the path of every action.
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::V2 => "/v2/index.php",
            Self::Scf | Self::Cls | Self::Sts => "/",
        }
    }
}

// === impl SigningMethod ===

impl SigningMethod {
    /// Returns the name of the scheme on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tc3 => "TC3-HMAC-SHA256",
            Self::HmacSha256 => "HmacSHA256",
            Self::HmacSha1 => "HmacSHA1",
        }
    }

    /// Returns the scheme that `service` supports.
    pub(super) const fn at(self, service: Service) -> Self {
        match (service, self) {
            (Service::V2, Self::Tc3) => Self::HmacSha256,
            _ => self,
        }
    }
}
