//! What the texts under keys may look like.

use exporter_toolkit::quote;

/// No list of regions: the vendor adds them, and its own pages disagree. Short names such as
/// `gz` are as good as `ap-guangzhou` to the legacy API.
pub(super) fn region(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    plain_text(text, 64, plain).ok_or_else(|| {
        format!(
            "{} is no region: write one such as ap-guangzhou",
            quote(text)
        )
    })
}

/// The name of a source.
pub(super) fn name(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._/:-".contains(c);
    plain_text(text, 100, plain).ok_or_else(|| {
        format!(
            "{} is no name: write 1 to 100 letters, digits and ._/:-",
            quote(text)
        )
    })
}

/// The name of an account. Without `/` and `@`, which stand between the parts of longer names.
pub(super) fn account(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    plain_text(text, 64, plain).ok_or_else(|| {
        format!(
            "{} is no name of an account: write 1 to 64 letters, digits and ._-",
            quote(text)
        )
    })
}

/// Looser than the vendor's own rule for names, which is not the exporter's to enforce.
pub(super) fn function_name(text: &str) -> Result<String, String> {
    plain_text(text, 128, |c| c.is_ascii_graphic()).ok_or_else(|| {
        format!(
            "{} is no function name: write one as the console shows it",
            quote(text)
        )
    })
}

/// As loose as [`function_name`].
pub(super) fn namespace_name(text: &str) -> Result<String, String> {
    plain_text(text, 128, |c| c.is_ascii_graphic()).ok_or_else(|| {
        format!(
            "{} is no namespace: write one as the console shows it",
            quote(text)
        )
    })
}

/// The id of a log topic.
pub(super) fn topic(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    plain_text(text, 64, plain).ok_or_else(|| {
        format!(
            "{} is no topic id: write the id that the CLS console shows beside the name",
            quote(text)
        )
    })
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

/// Where the status stands as JSON; no metrics can be there.
pub const STATUS_PATH: &str = "/api/v1/status";

/// Checks where the metrics are to be: a path of our own choosing must not hide the pages that stand
/// at fixed ones.
///
/// # Errors
/// What is wrong with it, and what to write.
pub fn telemetry_path(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/-._~".contains(c);
    if !text.starts_with('/') || text.len() > 200 || !text.chars().all(plain) {
        let problem = "is no path: write one such as /metrics, of letters, digits and -._~/";
        return Err(format!("{} {problem}", quote(text)));
    }
    if ["/", "/-", STATUS_PATH].contains(&text) || text.starts_with("/-/") {
        let problem = "is taken by the exporter's own pages: write another, such as /metrics";
        return Err(format!("{} {problem}", quote(text)));
    }
    Ok(text.to_owned())
}

fn plain_text(text: &str, longest: usize, plain: impl Fn(char) -> bool) -> Option<String> {
    let good = !text.is_empty() && text.len() <= longest && text.chars().all(plain);
    good.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_hold_nothing_that_separates() {
        for good in ["prod", "100000000001", "team.a_b-c"] {
            assert_eq!(account(good).as_deref(), Ok(good));
        }
        for bad in ["", "a/b", "a@b", "a b", "a:b", "\u{e9}", &"x".repeat(65)] {
            assert!(account(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn topics_are_ids_and_no_names() {
        let id = "0c5d1f70-7a1e-4d4a-9b0e-2f6a1c3d5e7f";
        assert_eq!(topic(id).as_deref(), Ok(id));
        for bad in ["", "SCF_logtopic", "a,b", "a b", &"x".repeat(65)] {
            assert!(topic(bad).is_err(), "{bad}");
        }
    }

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

    #[test]
    fn telemetry_paths() {
        for good in ["/metrics", "/a/b.c", "/-x", "/scf_metrics~1"] {
            assert_eq!(telemetry_path(good).as_deref(), Ok(good));
        }
        for bad in [
            "",
            "metrics",
            "/",
            "/-",
            "/-/ready",
            "/api/v1/status",
            "/a b",
            "/a?b",
            "/\u{e9}",
        ] {
            assert!(telemetry_path(bad).is_err(), "{bad}");
        }
    }
}
