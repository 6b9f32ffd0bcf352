//! The token service, which issues temporary keys of a role.

use super::call::{Call, Service};
use super::clock::utc_text;
use super::json::Object;
use super::keys::Keyring;
use super::problem::Problem;
use super::settings::{Role, TemporaryKey};
use super::v3::Fields;

/// The vendor's default and longest lifetime of a key, in seconds.
const DEFAULT_LIFETIME_S: u64 = 7_200;
const MAX_LIFETIME_S: u64 = 43_200;
const MAX_NAME: usize = 128;

const WEB_IDENTITY: &str = "AssumeRoleWithWebIdentity";

/// Returns whether the action needs no signature.
pub(crate) fn is_open(call: &Call) -> bool {
    call.service == Service::Sts && call.action == WEB_IDENTITY
}

/// Returns the content of `Response` as a JSON object, without its request id. Adds the issued key
/// to `keys`.
pub(crate) fn answer(
    action: &str,
    fields: Fields<'_>,
    role: &Role,
    keys: &mut Keyring,
    clock_ms: i64,
) -> Result<String, Problem> {
    if action == WEB_IDENTITY {
        fields.required("ProviderId")?;
        if fields.required("WebIdentityToken")? != role.web_identity_token {
            let text = "the web identity token is not valid";
            return Err(Problem::new("InvalidParameter.WebIdentityTokenError", text));
        }
    }
    check_names(fields)?;
    let lifetime_s = lifetime_s(fields)?.min(role.lifetime_s);
    Ok(document(&keys.issue(lifetime_s, clock_ms)))
}

fn check_names(fields: Fields<'_>) -> Result<(), Problem> {
    let arn = fields.required("RoleArn")?;
    let name = fields.required("RoleSessionName")?;
    let is_role = arn
        .strip_prefix("qcs::cam::uin/")
        .and_then(|rest| rest.split_once(":role"))
        .is_some_and(|(uin, _)| !uin.is_empty() && uin.bytes().all(|b| b.is_ascii_digit()));
    if !is_role {
        return Err(parameter(
            "RoleArn is not qcs::cam::uin/NUMBER:roleName/NAME",
        ));
    }
    if name.len() > MAX_NAME {
        return Err(parameter("RoleSessionName is too long"));
    }
    Ok(())
}

fn lifetime_s(fields: Fields<'_>) -> Result<u64, Problem> {
    let asked = fields.number("DurationSeconds", "InvalidParameter.ParamError")?;
    match asked.unwrap_or(DEFAULT_LIFETIME_S) {
        0 => Err(parameter("DurationSeconds must be positive")),
        seconds if seconds > MAX_LIFETIME_S => {
            let text = "DurationSeconds may not exceed 43200";
            Err(Problem::new("InvalidParameter.OverTimeError", text))
        }
        seconds => Ok(seconds),
    }
}

fn parameter(text: &str) -> Problem {
    Problem::new("InvalidParameter.ParamError", text)
}

fn document(key: &TemporaryKey) -> String {
    let mut out = String::new();
    let mut answer = Object::open(&mut out);
    answer.nested("Credentials", |out| {
        let mut credentials = Object::open(out);
        credentials
            .text("Token", &key.token)
            .text("TmpSecretId", &key.secret_id)
            .text("TmpSecretKey", &key.secret_key);
        credentials.close();
    });
    answer
        .raw("ExpiredTime", key.expires_ms.div_euclid(1_000))
        .text("Expiration", &expiration(key));
    answer.close();
    out
}

/// Returns the expiry time in the vendor's second format: ISO 8601, UTC, whole seconds.
pub(crate) fn expiration(key: &TemporaryKey) -> String {
    let text = utc_text(key.expires_ms);
    format!("{}Z", text.get(..19).unwrap_or(&text))
}
