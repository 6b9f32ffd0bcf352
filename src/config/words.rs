//! Checks the texts under keys.

use std::ops::RangeInclusive;

use exporter_toolkit::quote;

/// Checks the form of a region only: the vendor adds regions, and its pages disagree about them. The
/// legacy API takes short names such as `gz` too.
pub(super) fn region(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    checked(
        text,
        1..=64,
        plain,
        "is no region: write one such as ap-guangzhou",
    )
}

/// Checks the name of a source.
pub(super) fn name(text: &str) -> Result<String, String> {
    let fault = "is no name: write 1 to 100 letters, digits and ._/:-";
    checked(text, 1..=100, letters_and("._/:-"), fault)
}

/// Checks the name of an account. `/` and `@` separate the parts of longer names.
pub(super) fn account(text: &str) -> Result<String, String> {
    let fault = "is no name of an account: write 1 to 64 letters, digits and ._-";
    checked(text, 1..=64, letters_and("._-"), fault)
}

/// Checks the name of a function. This is looser than the vendor's rule, which may change.
pub(super) fn function_name(text: &str) -> Result<String, String> {
    let fault = "is no function name: write one as the console shows it";
    checked(text, 1..=128, |c| c.is_ascii_graphic(), fault)
}

/// Checks the name of a namespace as [`function_name`] does.
pub(super) fn namespace_name(text: &str) -> Result<String, String> {
    let fault = "is no namespace: write one as the console shows it";
    checked(text, 1..=128, |c| c.is_ascii_graphic(), fault)
}

/// Checks the id of a log topic.
pub(super) fn topic(text: &str) -> Result<String, String> {
    let fault = "is no topic id: write the id that the CLS console shows beside the name";
    checked(text, 1..=64, letters_and("-"), fault)
}

/// Checks the start of a role ARN. Names of roles may hold more than the console lets one type.
pub(super) fn arn(text: &str) -> Result<String, String> {
    let fault = "is no role ARN: write one such as qcs::cam::uin/100000000001:roleName/scf-reader";
    let longest = if text.starts_with("qcs::cam::") {
        500
    } else {
        0
    };
    checked(text, 1..=longest, |c| c.is_ascii_graphic(), fault)
}

/// Checks a session name by the rule of STS, which answers `InvalidParameter` and no more.
pub(super) fn session_name(text: &str) -> Result<String, String> {
    let fault = "is no session name: write 2 to 128 letters, digits and =,.@_-";
    checked(text, 2..=128, letters_and("=,.@_-"), fault)
}

/// Checks an external id. The message does not repeat it, as only the other account may know it.
pub(super) fn external_id(text: &str) -> Result<String, String> {
    checked(text, 2..=128, letters_and("+=,.@:/_-"), "").map_err(|_| {
        "is no external id: write the 2 to 128 letters, digits and +=,.@:/_- that the role asks for"
            .to_owned()
    })
}

/// Path of the status as JSON, where no metrics can be served.
pub const STATUS_PATH: &str = "/api/v1/status";

/// Checks the path of the metrics, which must not hide the pages at fixed paths.
///
/// # Errors
/// A message that says what is wrong and what to write.
pub fn telemetry_path(text: &str) -> Result<String, String> {
    let fault = "is no path: write one such as /metrics, of letters, digits and -._~/";
    let longest = if text.starts_with('/') { 200 } else { 0 };
    let path = checked(text, 1..=longest, letters_and("/-._~"), fault)?;
    if ["/", "/-", STATUS_PATH].contains(&text) || text.starts_with("/-/") {
        let problem = "is taken by the exporter's own pages: write another, such as /metrics";
        return Err(format!("{} {problem}", quote(text)));
    }
    Ok(path)
}

fn letters_and(signs: &str) -> impl Fn(char) -> bool {
    |c| c.is_ascii_alphanumeric() || signs.contains(c)
}

/// Returns `text` where its length is in `length` and all characters are `plain`, else an error with `fault`.
fn checked(
    text: &str,
    length: RangeInclusive<usize>,
    plain: impl Fn(char) -> bool,
    fault: &str,
) -> Result<String, String> {
    match length.contains(&text.len()) && text.chars().all(plain) {
        true => Ok(text.to_owned()),
        false => Err(format!("{} {fault}", quote(text))),
    }
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
