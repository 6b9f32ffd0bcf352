//! A log topic with 200,000 reports within ten minutes, many of one millisecond: read exactly, with
//! hardly more requests than its lines fill pages.

use std::time::Duration;

use crate::support::world::{World, assert_equal, calls_for, through};
use scf_sim::Settings;

const TRAFFIC: Duration = Duration::from_secs(600);
/// Lines of one answer at the most.
const PAGE: u64 = 1_000;

/// Some 80 calls share the instant at which they begin, and as many lines a millisecond.
fn busy() -> Settings {
    Settings {
        functions: 8,
        rate_per_second: 340.0,
        burst_ms: Some(250),
        whole_ms: true,
        max_duration_ms: 5_000,
        log_bytes: (0, 0),
        ..calls_for(2_000, TRAFFIC)
    }
}

fn world() -> World {
    let overrides = through("cls", None)
        .with("poll.first_read", Some("20m".into()))
        .with("poll.max_run_time", Some("5s".into()));
    World::new(busy(), overrides)
}

/// Reports, and all lines that the search finds: the reports of cold starts have the same word.
fn lines(world: &World) -> (u64, u64) {
    let totals = world.cloud.truth(world.now_ms()).totals;
    (
        totals.invocations,
        totals.invocations + totals.sums.cold_starts,
    )
}

#[tokio::test(start_paused = true)]
async fn a_catch_up_costs_hardly_more_than_the_pages_that_the_lines_fill() {
    let world = world();
    tokio::time::sleep(TRAFFIC + Duration::from_secs(60)).await;
    let exporter = world.start().await;
    let mut waited = 0;
    while exporter.counted() != world.truth() && waited < 60 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        waited += 1;
    }
    let requests = world.transport.requests_for("SearchLog");
    assert_equal(&exporter.counted(), &world.truth(), "caught up");
    let (reports, found) = lines(&world);
    eprintln!(
        "{reports} reports, {found} lines found, {requests} requests after {waited} s: {:.3} a page of reports, {:.3} a page of lines",
        requests as f64 / reports.div_ceil(PAGE) as f64,
        requests as f64 / found.div_ceil(PAGE) as f64,
    );
    assert!(reports >= 200_000, "{reports}");
    assert!(requests * 100 <= 115 * reports.div_ceil(PAGE), "{requests}");
    world.assert_exact(&exporter, "afterwards").await;
    exporter.stop().await;
}

#[tokio::test(start_paused = true)]
async fn traffic_is_read_exactly_while_it_comes() {
    let world = world();
    let exporter = world.start().await;
    tokio::time::sleep(TRAFFIC).await;
    let requests = world.transport.requests_for("SearchLog");
    let (reports, found) = lines(&world);
    eprintln!(
        "while it came: {requests} requests for {reports} reports, {found} lines: {:.2} for 1,000 lines",
        requests as f64 * 1_000.0 / found as f64
    );
    world.assert_exact(&exporter, "while it came").await;
    exporter.stop().await;
}
