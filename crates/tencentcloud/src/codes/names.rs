//! Classifies the named codes of API 3.0.
//!
//! The names come from the vendor's common table of API 3.0 and the error lists of the actions
//! called here. Their class and advice are this project's interpretation.

use super::*;

const LOGS_MOVED: &str = "this API no longer serves logs: set `api: cls`";
const ACTION: &str =
    "the endpoint does not know this action: check `endpoint`, or set another `api`";
const REGION: &str = "the service does not know this region: check `region`";
const PARAMETERS: &str = "check `region`, the configured names and the page size";
const TIMES: &str = "the cloud refuses the span of time that was asked for: check this machine's clock, \
     and that `first_read` lies within the time for which logs are kept";
const UPDATING: &str =
    "the function is being made or changed; this passes by itself and is tried again";
const BUSY: &str = "it slows down by itself; if it stays, lower `requests_per_second`, or let other \
     readers of this topic rest";
const TOPIC: &str = "check the log topic and `region`: a topic belongs to one region";
const INDEX: &str = "switch on the index of the log topic in the console of the log service: full text, and the \
     keys SCF_Type, SCF_Message and SCF_FunctionName";
const TOPIC_CLOSED: &str =
    "the log topic is closed or isolated: check its state and the account's balance";
const STORAGE: &str = "the log topic is of low-frequency storage: use a topic of standard storage";
const SMALLER: &str = "ask for smaller pages or shorter windows";
const CONTEXT: &str = "the search is begun again without its old context";
const PEER: &str = "the account bars this machine's address: change its list of addresses";

const CLS_OFF: &str = "switch on the log service for this account, in its console";
const SERVICE_OFF: &str = "switch on the service for this account, in its console";

/// Placeholder for advice that depends on the service.
const RIGHTS_OF_SERVICE: &str = "";

/// A code without an entry is classified by the longest entry that matches its leading dotted
/// parts.
pub(super) const TABLE: &[Verdict] = {
    use ErrorClass::*;
    &[
        verdict("ActionOffline", Offline, LOGS_MOVED),
        verdict("AuthFailure", Authentication, KEY),
        verdict("AuthFailure.InvalidAuthorization", Authentication, KEY),
        verdict("AuthFailure.InvalidSecretId", Authentication, ID),
        verdict("AuthFailure.MFAFailure", Authentication, MFA),
        verdict("AuthFailure.SecretIdNotFound", Authentication, ID),
        verdict("AuthFailure.SignatureExpire", Authentication, CLOCK),
        verdict("AuthFailure.SignatureFailure", Authentication, KEY),
        verdict("AuthFailure.TokenFailure", Authentication, TOKEN),
        verdict(
            "AuthFailure.UnauthorizedOperation",
            Authentication,
            RIGHTS_OF_SERVICE,
        ),
        verdict("FailedOperation", Transient, SERVER),
        verdict("FailedOperation.AccountInsufficient", Invalid, PAY),
        verdict("FailedOperation.AuthFailure", Authentication, TOKEN),
        verdict("FailedOperation.ClsServiceUnregistered", NotFound, CLS_OFF),
        verdict("FailedOperation.GetlogReachLimit", Invalid, SMALLER),
        verdict(
            "FailedOperation.InValidIndexRuleForSearchLow",
            Invalid,
            STORAGE,
        ),
        verdict("FailedOperation.IndexSegmentOffloaded", Invalid, STORAGE),
        verdict("FailedOperation.InsufficientBalance", Invalid, PAY),
        verdict("FailedOperation.InvalidContext", Invalid, CONTEXT),
        verdict("FailedOperation.QueryError", Invalid, INDEX),
        verdict("FailedOperation.ReadQpsLimit", Throttled, BUSY),
        verdict("FailedOperation.SearchTimeout", Transient, SERVER),
        verdict("FailedOperation.ServiceClosed", NotFound, SERVICE_OFF),
        verdict("FailedOperation.SyntaxError", Invalid, INDEX),
        verdict("FailedOperation.Timeout", Transient, SERVER),
        verdict("FailedOperation.TopicClosed", NotFound, TOPIC_CLOSED),
        verdict("FailedOperation.TopicCreating", Transient, SERVER),
        verdict("FailedOperation.TopicIsolated", NotFound, TOPIC_CLOSED),
        verdict("FailedOperation.UnOpenedService", NotFound, SERVICE_OFF),
        verdict("InternalError", Transient, SERVER),
        verdict("InternalError.SearchError", Transient, SERVER),
        verdict("InternalError.SearchFailed", Transient, SERVER),
        verdict("InternalError.ServerBusy", Throttled, BUSY),
        verdict("InternalError.System", Transient, SERVER),
        verdict("InvalidAction", Offline, ACTION),
        verdict("InvalidParameter", Invalid, PARAMETERS),
        verdict("InvalidParameterValue", Invalid, PARAMETERS),
        verdict("InvalidParameterValue.DateTime", Invalid, TIMES),
        verdict("InvalidParameterValue.EndTime", Invalid, TIMES),
        verdict("InvalidParameterValue.StartTime", Invalid, TIMES),
        verdict("InvalidParameterValue.StartTimeOrEndTime", Invalid, TIMES),
        verdict("InvalidRequest", Invalid, PARAMETERS),
        verdict("IpInBlacklist", Authentication, PEER),
        verdict("IpNotInWhitelist", Authentication, PEER),
        verdict("LimitExceeded", Throttled, PACE),
        verdict("LimitExceeded.LogSearch", Throttled, BUSY),
        verdict("LimitExceeded.Offset", Invalid, SMALLER),
        verdict("LimitExceeded.SearchResources", Throttled, BUSY),
        verdict("LimitExceeded.SearchResultTooLarge", Invalid, SMALLER),
        verdict("MissingParameter", Invalid, PARAMETERS),
        verdict("NoSuchProduct", Offline, ACTION),
        verdict("NoSuchVersion", Offline, ACTION),
        verdict("OperationDenied", Authentication, RIGHTS_OF_SERVICE),
        verdict(
            "OperationDenied.ACLFailed",
            Authentication,
            RIGHTS_OF_SERVICE,
        ),
        verdict("OperationDenied.AccountDestroy", Authentication, BARRED),
        verdict("OperationDenied.AccountIsolate", Invalid, PAY),
        verdict("OperationDenied.AccountNotExists", Authentication, BARRED),
        verdict("OperationDenied.AnalysisSwitchClose", NotFound, INDEX),
        verdict("OperationDenied.NewSyntaxNotSupported", Invalid, INDEX),
        verdict(
            "OperationDenied.OperationNotSupportInSearchLow",
            Invalid,
            STORAGE,
        ),
        verdict("RequestLimitExceeded", Throttled, PACE),
        verdict("RequestSizeLimitExceeded", Invalid, SMALLER),
        verdict("ResourceInUse", Transient, SERVER),
        verdict("ResourceNotFound", NotFound, NAMES),
        verdict("ResourceNotFound.Function", NotFound, NAMES),
        verdict("ResourceNotFound.FunctionName", NotFound, NAMES),
        verdict("ResourceNotFound.IndexNotExist", NotFound, INDEX),
        verdict("ResourceNotFound.Namespace", NotFound, NAMES),
        verdict("ResourceNotFound.Qualifier", NotFound, NAMES),
        verdict("ResourceNotFound.TopicNotExist", NotFound, TOPIC),
        verdict("ResourceUnavailable", Transient, SERVER),
        verdict("ResourceUnavailable.InsufficientBalance", Invalid, PAY),
        verdict("ResourceUnavailable.ServiceSuspended", Invalid, PAY),
        verdict("ResponseSizeLimitExceeded", Invalid, SMALLER),
        verdict("ServiceUnavailable", Transient, SERVER),
        verdict("UnauthorizedOperation", Authentication, RIGHTS_OF_SERVICE),
        verdict("UnauthorizedOperation.FunctionStatus", Transient, UPDATING),
        verdict("UnauthorizedOperation.Region", Authentication, REGION),
        verdict("UnknownParameter", Invalid, PARAMETERS),
        verdict("UnsupportedOperation", Invalid, PARAMETERS),
        verdict("UnsupportedOperation.NotSupportRegion", Invalid, REGION),
        verdict("UnsupportedOperation.Region", Invalid, REGION),
        verdict("UnsupportedProtocol", Invalid, SCHEME),
        verdict("UnsupportedRegion", Invalid, REGION),
    ]
};

/// Classifies a code of `service`. An unknown code is treated as transient, because a retry within
/// the budget does no harm.
pub(crate) fn classify_name(service: Service, code: &str) -> Verdict {
    let mut known = families(code).filter_map(find);
    let Some(found) = known.next() else {
        return verdict(OTHER, ErrorClass::Transient, SERVER);
    };
    let advice = match found.advice {
        RIGHTS_OF_SERVICE => rights(service),
        advice => advice,
    };
    Verdict { advice, ..found }
}

/// Iterates over `A.B.C`, `A.B` and `A`.
fn families(code: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(code), |longer| Some(longer.rsplit_once('.')?.0))
}

fn find(family: &str) -> Option<Verdict> {
    TABLE.iter().find(|known| known.label == family).copied()
}

/// Returns advice that names the vendor's ready-made policy with the missing permission.
const fn rights(service: Service) -> &'static str {
    match service {
        Service::V2 => RIGHTS,
        Service::Scf => {
            "give this account scf:ListNamespaces, scf:ListFunctions, scf:GetFunction and, for \
             `api: v3`, scf:GetFunctionLogs, as the policy QcloudSCFReadOnlyAccess does"
        }
        Service::Cls => {
            "give this account cls:SearchLog, as the policy QcloudCLSReadOnlyAccess does"
        }
        Service::Sts => {
            "let this account take on the role: give it sts:AssumeRole, and name it in the role's \
             trust policy"
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// The expected classes are written out here, independently of the table.
    #[test]
    fn names_fall_into_the_classes_asked_for() {
        use ErrorClass::*;
        for (class, codes) in [
            (
                Throttled,
                &[
                    "RequestLimitExceeded",
                    "RequestLimitExceeded.UinLimitExceeded",
                    "RequestLimitExceeded.A.B",
                    "FailedOperation.ReadQpsLimit",
                    "LimitExceeded.LogSearch",
                    "InternalError.ServerBusy",
                ][..],
            ),
            (
                Transient,
                &[
                    "InternalError",
                    "InternalError.Cmq",
                    "FailedOperation.SearchTimeout",
                    "FailedOperation.Timeout",
                    "ServiceUnavailable",
                    "UnauthorizedOperation.FunctionStatus",
                    "Novel.Code",
                    "",
                    ".",
                ],
            ),
            (
                Authentication,
                &[
                    "AuthFailure.SignatureExpire",
                    "AuthFailure.TokenFailure",
                    "AuthFailure.Novel",
                    "UnauthorizedOperation.CAM",
                    "OperationDenied.ACLFailed",
                ],
            ),
            (
                NotFound,
                &[
                    "ResourceNotFound.Function",
                    "ResourceNotFound.TopicNotExist",
                    "ResourceNotFound.Novel",
                    "ResourceNotFound.IndexNotExist",
                    "OperationDenied.AnalysisSwitchClose",
                ],
            ),
            (
                Invalid,
                &[
                    "InvalidParameterValue.Limit",
                    "LimitExceeded.Offset",
                    "UnsupportedRegion",
                    "FailedOperation.InvalidContext",
                    "MissingParameter",
                ],
            ),
            (
                Offline,
                &["ActionOffline", "InvalidAction", "NoSuchVersion"],
            ),
        ] {
            for code in codes {
                assert_eq!(classify_name(Service::Scf, code).class, class, "{code}");
            }
        }
    }

    #[test]
    fn advice_names_what_to_change() {
        for (service, code, words) in [
            (Service::Scf, "UnsupportedRegion", "`region`"),
            (Service::Scf, "ActionOffline", "`api: cls`"),
            (
                Service::Scf,
                "UnauthorizedOperation.CAM",
                "QcloudSCFReadOnlyAccess",
            ),
            (Service::Scf, "UnauthorizedOperation", "scf:GetFunctionLogs"),
            (
                Service::Cls,
                "AuthFailure.UnauthorizedOperation",
                "QcloudCLSReadOnlyAccess",
            ),
            (Service::Sts, "UnauthorizedOperation", "sts:AssumeRole"),
            (
                Service::Cls,
                "ResourceNotFound.TopicNotExist",
                "topic and `region`",
            ),
            (
                Service::Cls,
                "ResourceNotFound.IndexNotExist",
                "index of the log topic",
            ),
            (
                Service::Cls,
                "OperationDenied.AnalysisSwitchClose",
                "index of the log topic",
            ),
            (Service::Cls, "NoSuchVersion", "`endpoint`"),
            (Service::Cls, "AuthFailure.SignatureExpire", "clock"),
            (Service::Scf, "InvalidParameterValue.StartTime", "clock"),
            (
                Service::Scf,
                "InvalidParameterValue.StartTimeOrEndTime",
                "span of time",
            ),
            (
                Service::Scf,
                "UnauthorizedOperation.FunctionStatus",
                "passes by itself",
            ),
        ] {
            let advice = classify_name(service, code).advice;
            assert!(advice.contains(words), "{code}: {advice}");
        }
    }

    #[test]
    fn the_table_is_sorted_has_no_twins_and_always_advises() {
        let labels: BTreeSet<_> = TABLE.iter().map(|known| known.label).collect();
        assert_eq!(labels.len(), TABLE.len());
        assert!(TABLE.is_sorted_by_key(|known| known.label));
        for service in [Service::V2, Service::Scf, Service::Cls, Service::Sts] {
            for known in TABLE {
                assert_ne!(classify_name(service, known.label).advice, "");
            }
        }
    }

    /// The codes that the vendor's reference lists for the function API.
    #[test]
    fn every_listed_code_has_a_family() {
        let codes = include_str!("scf_codes.txt").lines();
        // Only actions that create or change a function can run out of resources.
        for code in codes.filter(|code| *code != "ResourceInsufficient.COS") {
            assert_ne!(classify_name(Service::Scf, code).label, OTHER, "{code}");
        }
    }

    proptest! {
        #[test]
        fn the_labels_are_a_closed_set(
            code in "((RequestLimitExceeded|AuthFailure|Novel)(\\.[A-Z]{0,5}){0,3})|.{0,40}",
        ) {
            let label = classify_name(Service::Cls, &code).label;
            prop_assert!(label == OTHER || TABLE.iter().any(|known| known.label == label));
            prop_assert!(label == OTHER || code.starts_with(label));
        }
    }
}
