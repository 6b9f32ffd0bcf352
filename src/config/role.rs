//! The role that a source takes on, on top of its credentials.

use exporter_toolkit::quote;

use super::keys::Role;
use super::scope::Scope;
use super::table::Block;

/// Reads `role`. An absent or empty block means none; `None` is a fault.
pub(super) fn read(scope: &mut Scope<'_, '_>) -> Option<Option<Role>> {
    if scope.has_none_of::<Role>() {
        return Some(None);
    }
    Role::read(scope).map(Some)
}

/// Only the beginning is fixed: role names may hold more than the console lets one type.
pub(super) fn arn(text: &str) -> Result<String, String> {
    let plain = text.len() <= 500 && text.chars().all(|c| c.is_ascii_graphic());
    if !plain || !text.starts_with("qcs::cam::") {
        return Err(format!(
            "{} is no role ARN: write one such as \
             qcs::cam::uin/100000000001:roleName/scf-reader",
            quote(text)
        ));
    }
    Ok(text.to_owned())
}

/// The bounds of STS itself, which answers a bad one with no more than `InvalidParameter`.
pub(super) fn session_name(text: &str) -> Result<String, String> {
    bounded(text, "=,.@_-").ok_or_else(|| {
        format!(
            "{} is no session name: write 2 to 128 letters, digits and =,.@_-",
            quote(text)
        )
    })
}

/// Left out of the message: it is shared with the other account and with nobody else.
pub(super) fn external_id(text: &str) -> Result<String, String> {
    bounded(text, "+=,.@:/_-").ok_or_else(|| {
        "is no external id: write the 2 to 128 letters, digits and +=,.@:/_- that the role asks for"
            .to_owned()
    })
}

fn bounded(text: &str, signs: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || signs.contains(c);
    let good = (2..=128).contains(&text.len()) && text.chars().all(plain);
    good.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns() {
        for good in [
            "qcs::cam::uin/100000000001:roleName/scf-reader",
            "qcs::cam::uin/100000000001:role/tencentcloudServiceRoleName/SCF_QcsRole",
        ] {
            assert_eq!(arn(good).as_deref(), Ok(good));
        }
        for bad in ["", "scf-reader", "arn:aws:iam::1:role/x", "qcs::cam::a b"] {
            assert!(arn(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_of_sessions_and_external_ids() {
        assert!(session_name("scf-exporter").is_ok());
        assert!(session_name("a").is_err() && session_name("a b").is_err());
        assert!(session_name(&"x".repeat(129)).is_err());
        assert!(external_id("tenant:7/x").is_ok());
        let message = external_id("two words").unwrap_err();
        assert!(!message.contains("words"), "{message}");
    }
}
