//! The project's own bodies in `tests/data/bodies`, of the shapes that the cloud sends.

use scf_exporter::tencent::ErrorClass::{self, *};

use super::case::{Case, SOME, fails, read};

const LOGS: &str = "GetFunctionLogs";
const SEARCH: &str = "SearchLog";

/// Each body with what comes of it, by hand from the body.
pub const OWN: &[Case] = &[
    // thumbs: 12.5 ms twice, billed 13 each, 4 MiB each, one retried; mail: 0.25 ms, 1 ms, 1 MiB,
    // its numbers in texts.
    read(
        "v3_ok.json",
        "v3",
        LOGS,
        &[
            (
                "scf_invocations_total{function_name=thumbs,ret_code=0,outcome=success}",
                1.0,
            ),
            (
                "scf_invocations_total{function_name=thumbs,ret_code=1,outcome=out_of_memory}",
                1.0,
            ),
            (
                "scf_invocations_total{function_name=mail,ret_code=0,outcome=success}",
                1.0,
            ),
            (
                "scf_invocation_duration_seconds_sum{function_name=thumbs}",
                0.025,
            ),
            (
                "scf_invocation_duration_seconds_sum{function_name=mail}",
                0.000_25,
            ),
            (
                "scf_invocation_billed_duration_seconds_sum{function_name=thumbs}",
                0.026,
            ),
            (
                "scf_invocation_billed_duration_seconds_sum{function_name=mail}",
                0.001,
            ),
            (
                "scf_invocation_memory_usage_bytes_sum{function_name=thumbs}",
                8_388_608.0,
            ),
            (
                "scf_invocation_memory_usage_bytes_sum{function_name=mail}",
                1_048_576.0,
            ),
            ("scf_invocation_retries_total{function_name=thumbs}", 1.0),
        ],
    ),
    read(
        "v3_running.json",
        "v3",
        LOGS,
        &[
            (
                "scf_invocations_total{function_name=thumbs,ret_code=0,outcome=success}",
                1.0,
            ),
            ("scf_exporter_records_total{disposition=unfinished}", SOME),
        ],
    ),
    read(
        "v3_interrupted.json",
        "v3",
        LOGS,
        &[
            (
                "scf_invocations_total{function_name=thumbs,ret_code=3,outcome=interrupted}",
                1.0,
            ),
            ("scf_exporter_records_total{disposition=unfinished}", 0.0),
        ],
    ),
    // What older answers lack is not needed; memory and request id are.
    read(
        "v3_missing_fields.json",
        "v3",
        LOGS,
        &[
            (
                "scf_invocations_total{function_name=thumbs,ret_code=0}",
                1.0,
            ),
            ("scf_exporter_rejected_rows_total{reason=memory}", SOME),
            ("scf_exporter_rejected_rows_total{reason=request_id}", SOME),
            (
                "scf_exporter_rejected_rows_total{reason=not_an_object}",
                SOME,
            ),
        ],
    ),
    // 96 GiB for half a millisecond less than a day.
    read(
        "v3_huge.json",
        "v3",
        LOGS,
        &[
            (
                "scf_invocations_total{function_name=thumbs,ret_code=0,outcome=success}",
                1.0,
            ),
            ("scf_invocation_duration_seconds_sum", 86_399.999_5),
            ("scf_invocation_billed_duration_seconds_sum", 86_400.0),
            ("scf_invocation_memory_usage_bytes_sum", 103_079_215_104.0),
        ],
    ),
    read(
        "v3_data_null.json",
        "v3",
        LOGS,
        &[("scf_exporter_records_total", 0.0)],
    ),
    read(
        "v3_total_over_data.json",
        "v3",
        LOGS,
        &[("scf_invocations_total{function_name=thumbs}", 1.0)],
    ),
    // The answer of another action settles nothing.
    refused("v3_no_answer.json", "v3", LOGS, Transient, "other_json"),
    fails(
        "v3_error_throttled.json",
        "v3",
        LOGS,
        "RequestLimitExceeded",
        (Throttled, "RequestLimitExceeded"),
    ),
    // A part that is not known is judged as its family.
    fails(
        "v3_error_transient.json",
        "v3",
        LOGS,
        "InternalError",
        (Transient, "InternalError.Novelty"),
    ),
    refused(
        "v3_error_authentication.json",
        "v3",
        LOGS,
        Authentication,
        "UnauthorizedOperation",
    ),
    refused(
        "v3_error_not_found.json",
        "v3",
        LOGS,
        NotFound,
        "ResourceNotFound.Namespace",
    ),
    refused(
        "v3_error_invalid.json",
        "v3",
        LOGS,
        Invalid,
        "InvalidParameterValue.StartTimeOrEndTime",
    ),
    refused(
        "v3_error_offline.json",
        "v3",
        LOGS,
        Offline,
        "ActionOffline",
    ),
    refused("v3_error_cut.txt", "v3", LOGS, Transient, "non_json"),
    // The second entry has no name, the total is 0.
    read(
        "list_namespaces.json",
        "v3",
        "ListNamespaces",
        &[
            (
                "scf_function_info{function_namespace=shop,function_name=worker,runtime=Go1}",
                1.0,
            ),
            ("scf_function_info", 1.0),
        ],
    ),
    read(
        "list_functions.json",
        "v3",
        "ListFunctions",
        &[
            (
                "scf_function_info{function_namespace=default,function_name=thumbs,runtime=Go1}",
                1.0,
            ),
            ("scf_function_info", 1.0),
        ],
    ),
    read(
        "get_function.json",
        "v3",
        "GetFunction",
        &[
            (
                "scf_function_info{function_name=worker,runtime=Python3.9}",
                1.0,
            ),
            (
                "scf_function_memory_limit_bytes{function_name=worker}",
                536_870_912.0,
            ),
            ("scf_function_timeout_seconds{function_name=worker}", 30.0),
        ],
    ),
    read(
        "get_function_zeros.json",
        "v3",
        "GetFunction",
        &[
            ("scf_function_info{function_name=worker}", 1.0),
            ("scf_function_memory_limit_bytes", 0.0),
            ("scf_function_timeout_seconds", 0.0),
        ],
    ),
    // Numbers as texts and with a fraction of zero.
    read(
        "get_function_texts.json",
        "v3",
        "GetFunction",
        &[
            (
                "scf_function_memory_limit_bytes{function_name=worker}",
                536_870_912.0,
            ),
            ("scf_function_timeout_seconds{function_name=worker}", 30.0),
        ],
    ),
    // What is odd is not shown, and the topic beside it is read.
    read(
        "get_function_odd_memory.json",
        "cls",
        "GetFunction",
        &[
            ("scf_function_info{function_name=worker}", 1.0),
            ("scf_function_memory_limit_bytes", 0.0),
            ("scf_exporter_targets", 1.0),
        ],
    ),
    // Two entries without a usable name, and the total as a text.
    read(
        "list_functions_texts.json",
        "v3",
        "ListFunctions",
        &[
            ("scf_function_info{function_name=thumbs}", 1.0),
            ("scf_function_info", 1.0),
        ],
    ),
    // The answer of another action is no empty list.
    refused(
        "list_functions_no_answer.json",
        "v3",
        "ListFunctions",
        Transient,
        "other_json",
    ),
    refused(
        "list_namespaces_no_answer.json",
        "v3",
        "ListNamespaces",
        Transient,
        "other_json",
    ),
    // One call in six lines, and a report that the function itself printed. 48.5 x 2^20 bytes;
    // half a GiB for a quarter of a second.
    read(
        "cls_one_call.json",
        "cls",
        SEARCH,
        &[
            (
                "scf_invocations_total{function_name=thumbs,ret_code=200,outcome=success}",
                1.0,
            ),
            ("scf_invocation_duration_seconds_sum", 0.25),
            ("scf_invocation_billed_duration_seconds_sum", 0.25),
            ("scf_invocation_memory_usage_bytes_sum", 50_855_936.0),
            ("scf_billed_memory_gb_seconds_total", 0.125),
            ("scf_cold_starts_total{function_name=thumbs}", 1.0),
            ("scf_cold_start_duration_seconds_sum", 0.3),
            ("scf_cold_start_part_seconds_total{part=pull_code}", 0.1),
            ("scf_cold_start_part_seconds_total{part=init_runtime}", 0.05),
            (
                "scf_cold_start_part_seconds_total{part=init_function}",
                0.15,
            ),
            ("scf_exporter_rejected_rows_total", 0.0),
        ],
    ),
    read(
        "cls_null_results.json",
        "cls",
        SEARCH,
        &[("scf_exporter_records_total", 0.0)],
    ),
    read(
        "cls_empty.json",
        "cls",
        SEARCH,
        &[("scf_exporter_records_total", 0.0)],
    ),
    read(
        "cls_before_2021.json",
        "cls",
        SEARCH,
        &[("scf_exporter_records_total", 0.0)],
    ),
    // A line that is no JSON is no report; the one beside it is.
    read(
        "cls_no_json.json",
        "cls",
        SEARCH,
        &[
            ("scf_exporter_rejected_rows_total", 0.0),
            (
                "scf_invocations_total{function_name=thumbs,ret_code=433,outcome=timeout}",
                1.0,
            ),
        ],
    ),
    // Half a character in the record and in the line around it, and cut JSON, in lines that speak of
    // reports and are none; and one report, with half a character in a field that nobody needs.
    read(
        "cls_odd_lines.json",
        "cls",
        SEARCH,
        &[
            ("scf_exporter_rejected_rows_total", 0.0),
            (
                "scf_invocations_total{function_name=thumbs,ret_code=200,outcome=success}",
                1.0,
            ),
        ],
    ),
    // A report that was cut is a row that is lost.
    read(
        "cls_cut_report.json",
        "cls",
        SEARCH,
        &[
            (
                "scf_exporter_rejected_rows_total{reason=not_an_object}",
                SOME,
            ),
            ("scf_invocations_total{function_name=thumbs}", 1.0),
        ],
    ),
    refused("cls_no_answer.json", "cls", SEARCH, Transient, "other_json"),
    refused(
        "cls_topic_not_exist.json",
        "cls",
        SEARCH,
        NotFound,
        "ResourceNotFound.TopicNotExist",
    ),
];

/// A failure whose label is its whole code.
const fn refused(
    name: &'static str,
    api: &'static str,
    action: &'static str,
    class: ErrorClass,
    code: &'static str,
) -> Case {
    fails(name, api, action, code, (class, code))
}
