//! Where the vendor's pages disagree or are silent, either way is read exactly: spelling of
//! fields, code as text, no mark of finished rows, small pages, large pages refused, each method
//! and hash.

use std::time::Duration;

use crate::support::world::{World, calls_for};
use scf_exporter::config::{HttpMethod, Overrides, SignatureMethod};
use scf_sim::{Billing, Faults, Order, Settings, Wire};

fn settings(seed: u64) -> Settings {
    Settings {
        functions: 3,
        rate_per_second: 30.0,
        faults: Faults::typical(),
        history_ms: 60_000,
        max_duration_ms: 10_000,
        ..calls_for(seed, Duration::from_secs(60))
    }
}

/// Reads until all is visible and swept; how many requests it took.
async fn requests_to_read(
    settings: Settings,
    method: HttpMethod,
    hash: SignatureMethod,
    what: &str,
) -> u64 {
    let mut world = World::new(settings, Overrides::default());
    world.config.sources[0].method = method;
    world.config.sources[0].signature_method = hash;
    let exporter = world.start().await;
    tokio::time::sleep(Duration::from_secs(400)).await;
    assert!(!world.truth().is_empty());
    assert_eq!(exporter.counted(), world.truth(), "{what}");
    exporter.stop().await;
    world.transport.requests()
}

async fn reads_exactly(settings: Settings, what: &str) -> u64 {
    let hash = SignatureMethod::HmacSha256;
    requests_to_read(settings, HttpMethod::Post, hash, what).await
}

type Variant = fn(&mut Settings);

#[tokio::test(start_paused = true)]
async fn either_shape_of_an_answer_is_read() {
    let variants: [(&str, u64, Variant); 5] = [
        ("snake case", 41, |world| world.wire.snake_case = true),
        ("no mark of finished rows", 41, |world| {
            world.wire.invoke_finished = false;
        }),
        ("code as text", 41, |world| world.wire.code_as_string = true),
        ("newest first by default", 41, |world| {
            world.wire.default_order = Order::Descending;
        }),
        ("billed by 100 ms", 42, |world| {
            world.billing = Billing::Per100Ms;
        }),
    ];
    for (what, seed, vary) in variants {
        let mut settings = settings(seed);
        vary(&mut settings);
        reads_exactly(settings, what).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_largest_page_that_nobody_told_is_found_out() {
    let large = reads_exactly(settings(43), "pages of a thousand").await;
    let cut = Settings {
        max_page: 20,
        ..settings(43)
    };
    let cut = reads_exactly(cut, "pages cut to 20 rows in silence").await;
    assert!(cut > large, "{cut} requests and {large}");
    let wire = Wire {
        reject_large_page: true,
        ..Wire::default()
    };
    let refused = Settings {
        max_page: 100,
        wire,
        ..settings(43)
    };
    reads_exactly(refused, "pages above 100 rows refused").await;
}

#[tokio::test(start_paused = true)]
async fn each_method_and_hash_is_accepted() {
    for method in [HttpMethod::Get, HttpMethod::Post] {
        for hash in [SignatureMethod::HmacSha1, SignatureMethod::HmacSha256] {
            let what = format!("{method:?} {hash:?}");
            requests_to_read(settings(44), method, hash, &what).await;
        }
    }
}
