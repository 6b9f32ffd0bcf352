//! The seam to STS, the cloud's service that issues temporary credentials.

use serde_json::Value;

use super::temporary::Temporary;
use super::{CredentialError, Credentials};
use crate::transport::BoxFuture;

/// Calls STS (version 2018-08-13). It stands between the credentials and the client, because the
/// client itself needs credentials.
pub trait Sts: Send + Sync {
    /// Calls `action` with `params`, signed by `signer`; without one the call is not signed at all
    /// (`Authorization: SKIP`), which the cloud takes for AssumeRoleWithWebIdentity only.
    ///
    /// Gives what stands in `Response`. `params` and the answer hold secrets: they must not be
    /// logged. A failure is [`CredentialError::Sts`].
    fn call<'a>(
        &'a self,
        action: &'a str,
        params: Value,
        signer: Option<Credentials>,
    ) -> BoxFuture<'a, Result<Value, CredentialError>>;
}

/// Calls `action` and reads the credentials in its answer.
pub(super) async fn issue(
    sts: &dyn Sts,
    action: &str,
    params: Value,
    signer: Option<Credentials>,
) -> Result<Temporary, CredentialError> {
    let answer = sts.call(action, params, signer).await?;
    Temporary::from_sts(answer, action).unwrap_or_else(|| {
        Err(CredentialError::Sts {
            action: action.to_owned(),
            reason: "the answer has no Credentials and ExpiredTime; check that the endpoint is \
                     that of STS"
                .to_owned(),
            signer_refused: false,
        })
    })
}
