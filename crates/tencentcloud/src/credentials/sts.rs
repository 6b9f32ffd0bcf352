//! The interface to STS, the cloud's service that issues temporary credentials.

use serde_json::Value;

use super::temporary::Temporary;
use super::{CredentialError, Credentials};
use crate::transport::BoxFuture;

/// Calls STS, version 2018-08-13. This trait separates the credentials from the client, because the
/// client itself needs credentials.
pub trait Sts: Send + Sync {
    /// Calls `action` with `params`, signed by `signer`. Without a signer the call is not signed
    /// (`Authorization: SKIP`), which the cloud accepts only for AssumeRoleWithWebIdentity.
    ///
    /// Returns the content of `Response`. Both `params` and the result contain secrets and must not
    /// be logged.
    ///
    /// # Errors
    ///
    /// Fails with [`CredentialError::Sts`].
    fn call<'a>(
        &'a self,
        action: &'a str,
        params: Value,
        signer: Option<Credentials>,
    ) -> BoxFuture<'a, Result<Value, CredentialError>>;
}

/// Calls `action` and extracts the credentials from its response.
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
