//! More bodies kept beside the project: of CLS, of the lists of functions, and answers to calls
//! that are not made here.

use scf_exporter::tencent::ErrorClass::*;

use super::case::{Case, Shown, fails, read};

const SEARCH: &str = "SearchLog";
const LOGS: &str = "GetFunctionLogs";
const NOTHING: &[Shown] = &[
    ("scf_exporter_records_total", 0.0),
    ("scf_exporter_rejected_rows_total", 0.0),
    ("scf_cold_starts_total", 0.0),
];

/// Answers of `SearchLog`.
pub const CLS: &[Case] = &[
    // Lines of another product, whose record has no keys of SCF.
    read("cls_SearchLog_doc.json", "cls", SEARCH, NOTHING),
    read(
        "cls_SearchLog_doc_old_3c580b3b.json",
        "cls",
        SEARCH,
        NOTHING,
    ),
    read(
        "cls_SearchLog_doc_old_9547c128.json",
        "cls",
        SEARCH,
        NOTHING,
    ),
    read(
        "cls_SearchLog_doc_old_a0ffeec9.json",
        "cls",
        SEARCH,
        NOTHING,
    ),
    // "LogJson": "xx", which is no report.
    read(
        "cls_SearchLog_doc_old_8577037b.json",
        "cls",
        SEARCH,
        NOTHING,
    ),
    read("cls_SearchLog_empty_derived.json", "cls", SEARCH, NOTHING),
    read(
        "cls_SearchLog_null_results_derived.json",
        "cls",
        SEARCH,
        NOTHING,
    ),
    // A start is no end, and has status 202.
    read(
        "cls_SearchLog_scf_START_wrapped.json",
        "cls",
        SEARCH,
        NOTHING,
    ),
    // Records of 2020 have no type, and no lines of the platform's that could be told apart.
    read(
        "cls_SearchLog_scf_pre2021_fields_synthetic.json",
        "cls",
        SEARCH,
        NOTHING,
    ),
    // Six records of one call: 1 ms, 29.734375 x 2^20 bytes, of 128 MB for 1 ms.
    read(
        "cls_SearchLog_scf_report_synthetic_wrapper.json",
        "cls",
        SEARCH,
        &[
            (
                "scf_invocations_total{function_name=log-test,ret_code=200,outcome=success}",
                1.0,
            ),
            (
                "scf_invocation_duration_seconds_sum{function_name=log-test}",
                0.001,
            ),
            ("scf_invocation_billed_duration_seconds_sum", 0.001),
            ("scf_invocation_memory_usage_bytes_sum", 31_178_752.0),
            (
                "scf_billed_memory_gb_seconds_total{function_name=log-test}",
                0.000_125,
            ),
            ("scf_cold_starts_total{function_name=log-test}", 1.0),
            ("scf_cold_start_duration_seconds_sum", 0.236),
            ("scf_cold_start_part_seconds_total{part=pull_code}", 0.07),
            (
                "scf_cold_start_part_seconds_total{part=init_runtime}",
                0.008,
            ),
            (
                "scf_cold_start_part_seconds_total{part=init_function}",
                0.158,
            ),
            ("scf_exporter_rejected_rows_total", 0.0),
        ],
    ),
    fails(
        "cls_error_ResourceNotFound_TopicNotExist_recorded.json",
        "cls",
        SEARCH,
        "ResourceNotFound.TopicNotExist",
        (NotFound, "ResourceNotFound.TopicNotExist"),
    ),
];

/// Answers of the lists, as API 3.0 reads them; CLS reads the same.
pub const LISTS: &[Case] = &[
    // The namespace is the one that was asked for, not the misspelt one of the entry.
    list("v3_ListFunctions_doc.json", "ListFunctions", &[FUNCTION_1]),
    list(
        "v3_ListFunctions_doc_2.json",
        "ListFunctions",
        &[FUNCTION_1],
    ),
    // Its total is 0 beside an entry.
    list(
        "v3_ListNamespaces_doc_old_1c2c24bc.json",
        "ListNamespaces",
        &[(
            "scf_function_info{function_namespace=abc,function_name=worker,runtime=Go1}",
            1.0,
        )],
    ),
    list(
        "v3_GetFunction_doc.json",
        "GetFunction",
        &[
            (
                "scf_function_info{function_name=worker,runtime=CustomImage}",
                1.0,
            ),
            (
                "scf_function_memory_limit_bytes{function_name=worker}",
                134_217_728.0,
            ),
            ("scf_function_timeout_seconds{function_name=worker}", 3.0),
        ],
    ),
    list(
        "v3_GetFunction_doc_old_043a0786.json",
        "GetFunction",
        &[
            ("scf_function_info{function_name=worker,runtime=xx}", 1.0),
            (
                "scf_function_memory_limit_bytes{function_name=worker}",
                134_217_728.0,
            ),
            ("scf_function_timeout_seconds{function_name=worker}", 3.0),
        ],
    ),
    list("v3_GetFunction_doc_old_bc868577.json", "GetFunction", ZEROS),
    list("v3_GetFunction_doc_old_f48d420e.json", "GetFunction", ZEROS),
];

const FUNCTION_1: Shown = (
    "scf_function_info{function_namespace=default,function_name=functionName1,runtime=Go1}",
    1.0,
);
/// Memory 0 and timeout 0: no function has these, so nothing is told.
const ZEROS: &[Shown] = &[
    ("scf_function_info{function_name=worker}", 1.0),
    ("scf_function_memory_limit_bytes", 0.0),
    ("scf_function_timeout_seconds", 0.0),
];

/// The log topic that a `GetFunction` body names.
pub const TOPICS: &[(&str, &str)] = &[
    ("v3_GetFunction_doc.json", "a3b039f5-bbbbbbbbbb"),
    ("v3_GetFunction_doc_old_043a0786.json", "xx"),
    ("v3_GetFunction_doc_old_bc868577.json", "abc"),
    ("v3_GetFunction_doc_old_f48d420e.json", "abc"),
];

/// No answers of any call made here: what happens when they come as an answer of
/// `GetFunctionLogs` all the same.
pub const ASTRAY: &[Case] = &[
    // Calling functions is not the exporter's business; there is neither a total nor a list.
    astray("v3_Invoke_doc.json"),
    astray("v3_Invoke_recorded_2018_tccli.json"),
    astray("v3_Invoke_recorded_2020_nodejs_sdk.json"),
    astray("v3_Invoke_recorded_2020_sls_invoke_puppeteer.json"),
    // Aliases, versions and events are not asked for; each has a total above zero, so that the
    // reading knows that rows are missing.
    read("v3_ListAliases_doc.json", "v3", LOGS, MISSING),
    read("v3_ListAsyncEvents_doc.json", "v3", LOGS, MISSING),
    read("v3_ListVersionByFunction_doc.json", "v3", LOGS, MISSING),
    read(
        "v3_ListVersionByFunction_doc_old_3a13be80.json",
        "v3",
        LOGS,
        MISSING,
    ),
    // A list of codes and their meanings, no answer at all.
    astray("v3_scf_errorcodes.json"),
    // What a function gets that CLS triggers: made by the cloud, but no answer.
    astray("cls_trigger_record_scf_START_recorded_2022.json"),
    // What the API gateway tells a function's caller, with this status.
    Case {
        status: 403,
        ..fails(
            "apigw_scf_invoke_error_recorded.json",
            "v3",
            LOGS,
            "http_403",
            (Authentication, "http_403"),
        )
    },
];

const MISSING: &[Shown] = &[("scf_exporter_records_total", 0.0)];

const fn list(file: &'static str, action: &'static str, shows: &'static [Shown]) -> Case {
    read(file, "v3", action, shows)
}

const fn astray(file: &'static str) -> Case {
    fails(file, "v3", LOGS, "other_json", (Transient, "other_json"))
}
