//! Bodies that were collected, and what is made of them.

use super::*;

/// Rows, rejects, rows that run, and what the first row is.
type Seen = (
    usize,
    Vec<RejectReason>,
    u64,
    Option<(Outcome, Nanos, Nanos, Bytes, bool)>,
);

/// The values stand in the bodies; the outcome is the index's, or, where it states none, that of
/// the reference's words on the field.
fn expected(name: &str) -> Seen {
    let ms = |ms: u64| Nanos(ms * 1_000_000);
    let row = |outcome, duration, billed, memory, retried| {
        (
            1,
            Vec::new(),
            0,
            Some((outcome, duration, billed, Bytes(memory), retried)),
        )
    };
    use Outcome::*;
    match name {
        "v3_GetFunctionLogs_doc.json" => {
            row(FunctionError, Nanos(532_000), ms(100), 3_174_400, true)
        }
        "v3_GetFunctionLogs_doc_2018_without_Level_Source_RetryNum.json" => {
            row(FunctionError, Nanos(532_000), ms(100), 3_174_400, false)
        }
        "v3_odd_data_null.json" | "v3_odd_empty_total0_cls_not_registered.json" => {
            (0, Vec::new(), 0, None)
        }
        "v3_odd_huge_duration_24h.json" => row(
            Success,
            ms(86_400_000),
            ms(86_400_000),
            128_849_018_880,
            false,
        ),
        "v3_odd_missing_fields.json" => (0, vec![RejectReason::BilledDuration], 0, None),
        "v3_odd_retmsg_error_recorded.json" => {
            row(Timeout, ms(3_000), ms(3_000), 17_572_045, false)
        }
        "v3_odd_running_retcode2_notfinished.json" => (0, Vec::new(), 1, None),
        "v3_odd_total_over_data.json" => row(Success, ms(1), ms(1), 74_870_780, false),
        other => panic!("{other} has no expectation"),
    }
}

#[derive(serde::Deserialize)]
struct Body {
    #[serde(rename = "Response")]
    response: Answer,
}

#[test]
fn every_collected_body_gives_what_its_index_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/cases/responses");
    let Ok(entries) = std::fs::read_dir(path) else {
        println!("skipped: the collected bodies are not there");
        return;
    };
    let target = TargetId::namespace("r", "default");
    let wanted = Wanted::default();
    let reading = Reading {
        context: ParseContext {
            target: &target,
            wanted: &wanted,
        },
        tells_retries: &AtomicBool::new(false),
    };
    let mut met = 0;
    for entry in entries {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if !name.starts_with("v3_GetFunctionLogs") && !name.starts_with("v3_odd") {
            continue;
        }
        let body: Body =
            serde_json::from_str(&std::fs::read_to_string(entry.path()).unwrap()).unwrap();
        let Sorted { page, marks, .. } = body.response.sort_out(reading);
        let first = page.rows.first();
        let first = first.map(|row| {
            (
                row.outcome,
                row.duration,
                row.billed,
                row.memory,
                row.retried,
            )
        });
        assert_eq!(
            (page.rows.len(), page.rejects, page.unfinished, first),
            expected(&name),
            "{name}"
        );
        assert_eq!(marks.len(), body.response.data.map_or(0, |rows| rows.len()));
        met += 1;
    }
    assert_eq!(met, 9);
}
