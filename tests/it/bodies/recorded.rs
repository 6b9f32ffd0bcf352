//! The bodies that are kept beside the project, each with what comes of it: written by hand from
//! their index and from the bodies themselves.

use scf_exporter::tencent::ErrorClass::*;

use super::case::{Case, SOME, fails, read};

const LOGS: &str = "GetFunctionLogs";

/// Answers of the legacy API.
pub const V2: &[Case] = &[
    read(
        "v2_GetFunctionLogs_doc_helljin89.json",
        "v2",
        LOGS,
        HELLJIN89,
    ),
    read(
        "v2_GetFunctionLogs_doc_helljin89_snake_case_per_field_table.json",
        "v2",
        LOGS,
        HELLJIN89,
    ),
    read("v2_success_code_string_doc.json", "v2", LOGS, &[]),
    // Answers to other actions: there is no list of rows in them, or they are no JSON.
    v2("v2_ListFunctions_doc.json", "no_payload", Transient),
    v2(
        "v2_InvokeFunction_async_doc_trailing_comma.txt",
        "non_json",
        Transient,
    ),
    v2(
        "v2_InvokeFunction_sync_doc_missing_comma.txt",
        "non_json",
        Transient,
    ),
    v2("v2_error_4000_InvalidParameter.json", "4000", Invalid),
    v2(
        "v2_error_4102_no_permission_recorded.json",
        "4102",
        Authentication,
    ),
    v2(
        "v2_error_4104_SecretIdNotFound.json",
        "4104",
        Authentication,
    ),
    v2("v2_error_4400_RequestLimitExceeded.json", "4400", Throttled),
    v2("v2_error_5000_ResourceNotFound.json", "5000", NotFound),
    v2("v2_error_AuthFailure_4100.json", "4100", Authentication),
];

/// 0.241 + 0.269 ms; 2 x 100 ms; 2 x 131,072 bytes.
pub const HELLJIN89: &[(&str, f64)] = &[
    (
        "scf_invocations_total{function_name=helljin89,ret_code=1,outcome=function_error}",
        2.0,
    ),
    (
        "scf_invocation_duration_seconds_sum{function_name=helljin89}",
        0.000_51,
    ),
    ("scf_invocation_billed_duration_seconds_sum", 0.2),
    ("scf_invocation_memory_usage_bytes_sum", 262_144.0),
    ("scf_exporter_rejected_rows_total", 0.0),
];

/// Answers of `GetFunctionLogs` of API 3.0.
pub const V3_LOGS: &[Case] = &[
    read(
        "v3_GetFunctionLogs_doc.json",
        "v3",
        LOGS,
        &[
            APITEST[0],
            APITEST[1],
            APITEST[2],
            APITEST[3],
            // RetryNum 1.
            ("scf_invocation_retries_total{function_name=APITest}", 1.0),
        ],
    ),
    read(
        "v3_GetFunctionLogs_doc_2018_without_Level_Source_RetryNum.json",
        "v3",
        LOGS,
        &[
            APITEST[0],
            APITEST[1],
            APITEST[2],
            APITEST[3],
            ("scf_invocation_retries_total", 0.0),
        ],
    ),
    read(
        "v3_odd_data_null.json",
        "v3",
        LOGS,
        &[("scf_exporter_records_total", 0.0)],
    ),
    read(
        "v3_odd_empty_total0_cls_not_registered.json",
        "v3",
        LOGS,
        &[("scf_exporter_records_total", 0.0)],
    ),
    // 24 h, and 120 x 2^30 bytes.
    read(
        "v3_odd_huge_duration_24h.json",
        "v3",
        LOGS,
        &[
            (
                "scf_invocations_total{function_name=hello-dev-hello_world,ret_code=0,outcome=success}",
                1.0,
            ),
            ("scf_invocation_duration_seconds_sum", 86_400.0),
            ("scf_invocation_billed_duration_seconds_sum", 86_400.0),
            ("scf_invocation_memory_usage_bytes_sum", 128_849_018_880.0),
        ],
    ),
    // Without billed time and memory there is nothing true to add up.
    read(
        "v3_odd_missing_fields.json",
        "v3",
        LOGS,
        &[
            ("scf_exporter_records_total{disposition=invalid}", SOME),
            (
                "scf_exporter_rejected_rows_total{reason=billed_duration}",
                SOME,
            ),
        ],
    ),
    read(
        "v3_odd_retmsg_error_recorded.json",
        "v3",
        LOGS,
        &[
            (
                "scf_invocations_total{function_name=TSDM,ret_code=1,outcome=timeout}",
                1.0,
            ),
            ("scf_invocation_duration_seconds_sum", 3.0),
            ("scf_invocation_billed_duration_seconds_sum", 3.0),
            ("scf_invocation_memory_usage_bytes_sum", 17_572_045.0),
        ],
    ),
    read(
        "v3_odd_running_retcode2_notfinished.json",
        "v3",
        LOGS,
        &[
            ("scf_exporter_records_total{disposition=unfinished}", SOME),
            ("scf_exporter_rejected_rows_total", 0.0),
        ],
    ),
    read(
        "v3_odd_total_over_data.json",
        "v3",
        LOGS,
        &[
            (
                "scf_invocations_total{function_name=hello-dev-hello_world,ret_code=0,outcome=success}",
                1.0,
            ),
            ("scf_invocation_duration_seconds_sum", 0.001),
            ("scf_invocation_billed_duration_seconds_sum", 0.001),
            ("scf_invocation_memory_usage_bytes_sum", 74_870_780.0),
        ],
    ),
];

/// 0.532 ms, 100 ms, 3,174,400 bytes; the code is no success although the message says so.
const APITEST: [(&str, f64); 4] = [
    (
        "scf_invocations_total{function_name=APITest,ret_code=1,outcome=function_error}",
        1.0,
    ),
    (
        "scf_invocation_duration_seconds_sum{function_name=APITest}",
        0.000_532,
    ),
    (
        "scf_invocation_billed_duration_seconds_sum{function_name=APITest}",
        0.1,
    ),
    (
        "scf_invocation_memory_usage_bytes_sum{function_name=APITest}",
        3_174_400.0,
    ),
];

/// Errors of API 3.0, as answers of `GetFunctionLogs`.
pub const V3_ERRORS: &[Case] = &[
    v3(
        "v3_error_ActionOffline.json",
        "ActionOffline",
        Offline,
        "ActionOffline",
    ),
    v3(
        "v3_error_AuthFailure_SignatureExpire.json",
        "AuthFailure.SignatureExpire",
        Authentication,
        "AuthFailure.SignatureExpire",
    ),
    v3(
        "v3_error_AuthFailure_SignatureFailure.json",
        "AuthFailure.SignatureFailure",
        Authentication,
        "AuthFailure.SignatureFailure",
    ),
    v3(
        "v3_error_AuthFailure_SignatureFailure_size_recorded.json",
        "AuthFailure.SignatureFailure",
        Authentication,
        "AuthFailure.SignatureFailure",
    ),
    v3(
        "v3_error_AuthFailure_SignatureFailure_zh_recorded.json",
        "AuthFailure.SignatureFailure",
        Authentication,
        "AuthFailure.SignatureFailure",
    ),
    v3(
        "v3_error_FailedOperation_UpdateFunctionConfiguration_zh_recorded.json",
        "FailedOperation",
        Transient,
        "FailedOperation.UpdateFunctionConfiguration",
    ),
    v3(
        "v3_error_InternalError_waf_doc.json",
        "InternalError",
        Transient,
        "InternalError",
    ),
    v3(
        "v3_error_InternalError_zh_recorded.json",
        "InternalError",
        Transient,
        "InternalError",
    ),
    v3(
        "v3_error_InvalidAction.json",
        "InvalidAction",
        Offline,
        "InvalidAction",
    ),
    // Cut in the middle, so its code is not known.
    v3(
        "v3_error_MissingParameter_acme_recorded_truncated.txt",
        "non_json",
        Transient,
        "non_json",
    ),
    v3(
        "v3_error_RequestLimitExceeded_GlobalRegionUinLimitExceeded.json",
        "RequestLimitExceeded",
        Throttled,
        "RequestLimitExceeded.GlobalRegionUinLimitExceeded",
    ),
    v3(
        "v3_error_RequestLimitExceeded_IPLimitExceeded.json",
        "RequestLimitExceeded",
        Throttled,
        "RequestLimitExceeded.IPLimitExceeded",
    ),
    v3(
        "v3_error_RequestLimitExceeded_UinLimitExceeded.json",
        "RequestLimitExceeded",
        Throttled,
        "RequestLimitExceeded.UinLimitExceeded",
    ),
    v3(
        "v3_error_RequestSizeLimitExceeded_recorded.json",
        "RequestSizeLimitExceeded",
        Invalid,
        "RequestSizeLimitExceeded",
    ),
    v3(
        "v3_error_ResourceNotFound_FunctionName_recorded.json",
        "ResourceNotFound.FunctionName",
        NotFound,
        "ResourceNotFound.FunctionName",
    ),
    v3(
        "v3_error_ResourceNotFound_Function_zh_recorded.json",
        "ResourceNotFound.Function",
        NotFound,
        "ResourceNotFound.Function",
    ),
];

const fn v2(
    file: &'static str,
    code: &'static str,
    class: scf_exporter::tencent::ErrorClass,
) -> Case {
    fails(file, "v2", LOGS, code, (class, code))
}

const fn v3(
    file: &'static str,
    code: &'static str,
    class: scf_exporter::tencent::ErrorClass,
    whole: &'static str,
) -> Case {
    fails(file, "v3", LOGS, code, (class, whole))
}
