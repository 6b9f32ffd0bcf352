//! Which of the cloud's APIs a client speaks, and how it signs.

use std::time::Duration;

/// One API of the cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    /// The legacy API of functions: version 2, parameters in a form, numbers for errors.
    V2,
    /// API 3.0 of functions.
    Scf,
    /// API 3.0 of the log service.
    Cls,
    /// API 3.0 of temporary credentials.
    Sts,
}

/// How requests are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SigningMethod {
    /// TC3-HMAC-SHA256, a header over the whole request. API 3.0 alone knows it; at v2 it stands
    /// for "the strongest there is", which is [`Self::HmacSha256`].
    #[default]
    Tc3,
    /// HMAC with SHA-256 as one more parameter.
    HmacSha256,
    /// HMAC with SHA-1 as one more parameter.
    HmacSha1,
}

// === impl Service ===

impl Service {
    /// The word for this API in metrics and messages.
    pub const fn label(self) -> &'static str {
        match self {
            Self::V2 => "v2",
            Self::Scf => "v3",
            Self::Cls => "cls",
            Self::Sts => "sts",
        }
    }

    /// The vendor's name of the service: the first word of its host and a part of what TC3 signs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::V2 | Self::Scf => "scf",
            Self::Cls => "cls",
            Self::Sts => "sts",
        }
    }

    /// How far a request's stamp may lie from the cloud's clock. The vendor's pages say five
    /// minutes of API 3.0; of the legacy one five minutes or two hours.
    pub const fn clock_allowance(self) -> Duration {
        Duration::from_secs(match self {
            Self::V2 => 7_200,
            Self::Scf | Self::Cls | Self::Sts => 300,
        })
    }

    /// The value of `Version`, by which API 3.0 finds an action; the legacy API has none and its
    /// requests do not carry it.
    pub const fn version(self) -> &'static str {
        match self {
            Self::V2 | Self::Scf => "2018-04-16",
            Self::Cls => "2020-10-16",
            Self::Sts => "2018-08-13",
        }
    }

    /// The path of every action.
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::V2 => "/v2/index.php",
            Self::Scf | Self::Cls | Self::Sts => "/",
        }
    }
}

// === impl SigningMethod ===

impl SigningMethod {
    /// As written on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tc3 => "TC3-HMAC-SHA256",
            Self::HmacSha256 => "HmacSHA256",
            Self::HmacSha1 => "HmacSHA1",
        }
    }

    /// The method that `service` understands.
    pub(super) const fn at(self, service: Service) -> Self {
        match (service, self) {
            (Service::V2, Self::Tc3) => Self::HmacSha256,
            _ => self,
        }
    }
}
