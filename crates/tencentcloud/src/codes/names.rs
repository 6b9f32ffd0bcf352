//! The table of all codes, and the classes of the named codes of API 3.0.
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

/// Codes that mean the same: their class, the advice, and the codes, separated by spaces.
type Group = (ErrorClass, &'static str, &'static str);

/// The numbers of the legacy API and the names of API 3.0. A name without an entry is classified by
/// the longest entry that matches its leading dotted parts.
const TABLE: &[Group] = {
    use ErrorClass::*;
    &[
        (
            Throttled,
            PACE,
            "4400 4420 LimitExceeded RequestLimitExceeded",
        ),
        (
            Throttled,
            BUSY,
            "FailedOperation.ReadQpsLimit InternalError.ServerBusy LimitExceeded.LogSearch \
             LimitExceeded.SearchResources",
        ),
        (
            Transient,
            SERVER,
            "5100 5400 6000 FailedOperation FailedOperation.SearchTimeout FailedOperation.Timeout \
             FailedOperation.TopicCreating InternalError InternalError.SearchError \
             InternalError.SearchFailed InternalError.System ResourceInUse ResourceUnavailable \
             ServiceUnavailable",
        ),
        (Transient, MAINTENANCE, "6200"),
        (Transient, UPDATING, "UnauthorizedOperation.FunctionStatus"),
        (
            Authentication,
            KEY,
            "4100 AuthFailure AuthFailure.InvalidAuthorization AuthFailure.SignatureFailure",
        ),
        (Authentication, RIGHTS, "4101 4102 4103 4110"),
        (
            Authentication,
            ID,
            "4104 AuthFailure.InvalidSecretId AuthFailure.SecretIdNotFound",
        ),
        (
            Authentication,
            TOKEN,
            "4105 AuthFailure.TokenFailure FailedOperation.AuthFailure",
        ),
        (Authentication, MFA, "4106 AuthFailure.MFAFailure"),
        (Authentication, CLOCK, "4200 AuthFailure.SignatureExpire"),
        (
            Authentication,
            BARRED,
            "4300 OperationDenied.AccountDestroy OperationDenied.AccountNotExists",
        ),
        (Authentication, REPLAY, "4500"),
        (Authentication, VERIFY, "5500"),
        (
            Authentication,
            RIGHTS_OF_SERVICE,
            "AuthFailure.UnauthorizedOperation OperationDenied OperationDenied.ACLFailed \
             UnauthorizedOperation",
        ),
        (Authentication, PEER, "IpInBlacklist IpNotInWhitelist"),
        (Authentication, REGION, "UnauthorizedOperation.Region"),
        (
            NotFound,
            NAMES,
            "5000 ResourceNotFound ResourceNotFound.Function ResourceNotFound.FunctionName \
             ResourceNotFound.Namespace ResourceNotFound.Qualifier",
        ),
        (NotFound, CLS_OFF, "FailedOperation.ClsServiceUnregistered"),
        (
            NotFound,
            SERVICE_OFF,
            "FailedOperation.ServiceClosed FailedOperation.UnOpenedService",
        ),
        (
            NotFound,
            TOPIC_CLOSED,
            "FailedOperation.TopicClosed FailedOperation.TopicIsolated",
        ),
        (
            NotFound,
            INDEX,
            "OperationDenied.AnalysisSwitchClose ResourceNotFound.IndexNotExist",
        ),
        (NotFound, TOPIC, "ResourceNotFound.TopicNotExist"),
        (Invalid, PARAMETER, "4000"),
        (Invalid, SCHEME, "4600 UnsupportedProtocol"),
        (
            Invalid,
            PAY,
            "5200 5300 FailedOperation.AccountInsufficient FailedOperation.InsufficientBalance \
             OperationDenied.AccountIsolate ResourceUnavailable.InsufficientBalance \
             ResourceUnavailable.ServiceSuspended",
        ),
        (
            Invalid,
            SMALLER,
            "FailedOperation.GetlogReachLimit LimitExceeded.Offset \
             LimitExceeded.SearchResultTooLarge RequestSizeLimitExceeded ResponseSizeLimitExceeded",
        ),
        (
            Invalid,
            STORAGE,
            "FailedOperation.InValidIndexRuleForSearchLow FailedOperation.IndexSegmentOffloaded \
             OperationDenied.OperationNotSupportInSearchLow",
        ),
        (Invalid, CONTEXT, "FailedOperation.InvalidContext"),
        (
            Invalid,
            INDEX,
            "FailedOperation.QueryError FailedOperation.SyntaxError \
             OperationDenied.NewSyntaxNotSupported",
        ),
        (
            Invalid,
            PARAMETERS,
            "InvalidParameter InvalidParameterValue InvalidRequest MissingParameter \
             UnknownParameter UnsupportedOperation",
        ),
        (
            Invalid,
            TIMES,
            "InvalidParameterValue.DateTime InvalidParameterValue.EndTime \
             InvalidParameterValue.StartTime InvalidParameterValue.StartTimeOrEndTime",
        ),
        (
            Invalid,
            REGION,
            "UnsupportedOperation.NotSupportRegion UnsupportedOperation.Region UnsupportedRegion",
        ),
        (Offline, OTHER_API, "6100"),
        (Offline, LOGS_MOVED, "ActionOffline"),
        (Offline, ACTION, "InvalidAction NoSuchProduct NoSuchVersion"),
    ]
};

/// Returns the verdicts on all codes of the table.
pub(super) fn known() -> impl Iterator<Item = Verdict> {
    TABLE.iter().flat_map(|(class, advice, codes)| {
        let codes = codes.split_ascii_whitespace();
        codes.map(|code| verdict(code, *class, advice))
    })
}

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

/// Returns the verdict on a code of the table.
pub(super) fn find(code: &str) -> Option<Verdict> {
    known().find(|known| known.label == code)
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
                "RequestLimitExceeded RequestLimitExceeded.UinLimitExceeded RequestLimitExceeded.A.B \
                 FailedOperation.ReadQpsLimit LimitExceeded.LogSearch InternalError.ServerBusy \
                 RequestLimitExceeded.GlobalRegionUinLimitExceeded",
            ),
            (
                Transient,
                "InternalError InternalError.Cmq FailedOperation.SearchTimeout \
                 FailedOperation.Timeout ServiceUnavailable UnauthorizedOperation.FunctionStatus \
                 Novel.Code .",
            ),
            (Transient, ""),
            (
                Authentication,
                "AuthFailure.SignatureExpire AuthFailure.TokenFailure AuthFailure.Novel \
                 UnauthorizedOperation.CAM OperationDenied.ACLFailed",
            ),
            (
                NotFound,
                "ResourceNotFound.Function ResourceNotFound.TopicNotExist ResourceNotFound.Novel \
                 ResourceNotFound.IndexNotExist OperationDenied.AnalysisSwitchClose",
            ),
            (
                Invalid,
                "InvalidParameterValue.Limit LimitExceeded.Offset UnsupportedRegion \
                 FailedOperation.InvalidContext MissingParameter",
            ),
            (Offline, "ActionOffline InvalidAction NoSuchVersion"),
        ] {
            for code in codes.split(' ') {
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
    fn the_table_has_no_twins_and_always_advises() {
        let labels: BTreeSet<_> = known().map(|known| known.label).collect();
        assert_eq!(labels.len(), known().count());
        for service in [Service::V2, Service::Scf, Service::Cls, Service::Sts] {
            for known in known() {
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
            prop_assert!(label == OTHER || known().any(|known| known.label == label));
            prop_assert!(label == OTHER || code.starts_with(label));
        }
    }
}
