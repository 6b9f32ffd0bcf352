//! No single answer stops a stream: what is too large, too slow, cut or no UTF-8 is read all the
//! same, and a row that no answer can bring is told.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use crate::support;

use std::time::Duration;

use scf_exporter::sim::{Faults, Settings};
use support::world::{World, through};

/// 1,800 calls of eight functions in a minute.
fn settings(faults: Faults) -> Settings {
    let start_ms = 1_700_000_000_000;
    Settings {
        functions: 8,
        namespaces: 2,
        rate_per_second: 30.0,
        faults,
        start_ms,
        stop_ms: Some(start_ms + 60_000),
        max_duration_ms: 5_000,
        ..Settings::new(14)
    }
}

/// Reads until all is settled; the rows that were told as invalid, and those that are lost.
async fn reads_exactly(api: &str, faults: Faults, what: &str) -> (u64, u64) {
    let world = World::new(settings(faults), through(api, None));
    tokio::time::sleep(Duration::from_secs(80)).await;
    let exporter = world.start().await;
    world.until_exact(&exporter).await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    world.assert_exact(&exporter, what).await;
    let invalid = exporter.dispositions()["invalid"];
    exporter.stop().await;
    (invalid, world.cloud.truth(world.now_ms()).totals.unreadable)
}

#[tokio::test(start_paused = true)]
async fn bytes_that_are_no_utf_8_spoil_a_text_that_nobody_needs() {
    for api in ["v2", "v3", "cls"] {
        let faults = Faults {
            odd_bytes: 0.2,
            ..Faults::none()
        };
        assert_eq!(reads_exactly(api, faults, api).await, (0, 0), "{api}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_topic_is_read_in_pages_that_can_be_had() {
    let none = Faults::none();
    for (what, faults) in [
        (
            "few rows",
            Faults {
                most_rows: Some(40),
                ..none.clone()
            },
        ),
        (
            "one row",
            Faults {
                most_rows: Some(1),
                ..none.clone()
            },
        ),
        (
            "few bytes",
            Faults {
                most_bytes: Some(9_000),
                ..none.clone()
            },
        ),
        (
            "cut",
            Faults {
                cut_at: Some(9_000),
                ..none.clone()
            },
        ),
        // 1,000 rows take 60 s, where 30 are waited.
        (
            "slow",
            Faults {
                row_delay: Duration::from_millis(60),
                ..none.clone()
            },
        ),
    ] {
        assert_eq!(reads_exactly("cls", faults, what).await, (0, 0), "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_row_that_no_answer_can_bring_is_told_once_and_hides_no_other() {
    let faults = Faults {
        oversized_rows: 0.005,
        ..Faults::none()
    };
    let (invalid, lost) = reads_exactly("cls", faults, "oversized").await;
    assert!(lost > 3, "{lost}");
    assert_eq!(invalid, lost);
}
