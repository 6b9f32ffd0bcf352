//! No single answer stops a stream: what is too large, too slow, cut or no UTF-8 is read all the
//! same, and a row that no answer can bring is reported.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::world::{World, through};
use scf_exporter::config::{FunctionFilter, Read};
use scf_exporter::ingest::v2::V2Source;
use scf_exporter::ingest::{LogSource, SourceScope};
use scf_exporter::model::Timestamp;
use scf_exporter::web::{TargetStatus, View};
use scf_sim::{Faults, Settings};
use tencentcloud::runtime::Runtime;
use tencentcloud::{
    BoxFuture, Client, ClientConfig, Credentials, HttpRequest, HttpResponse, Service, Transport,
    TransportError,
};

/// The end of the traffic.
const END_MS: i64 = 1_700_000_060_000;

/// 1,800 calls of eight functions in a minute.
fn settings(faults: Faults) -> Settings {
    Settings {
        functions: 8,
        namespaces: 2,
        rate_per_second: 30.0,
        faults,
        start_ms: END_MS - 60_000,
        stop_ms: Some(END_MS),
        max_duration_ms: 5_000,
        ..Settings::new(14)
    }
}

/// Reads until every watermark is behind the traffic. Returns the rows that were reported as invalid,
/// and those that cannot be read.
async fn reads_exactly(api: &str, faults: Faults, what: &str) -> (u64, u64) {
    // A second of v2 that is wider than the page that can be had, and changes its order, is read as
    // far as it goes, and never called complete.
    let is_limit = api == "v2" && faults.unstable_ties && faults.oversized_rows > 0.0;
    let world = World::new(settings(faults), through(api, None));
    tokio::time::sleep(Duration::from_secs(80)).await;
    let exporter = world.start().await;
    world.until_exact(&exporter).await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(exporter.counted(), world.truth(), "{what}");
    let targets = exporter.view.status().targets;
    let is_behind = |target: &TargetStatus| target.watermark > Some(Timestamp::from_millis(END_MS));
    assert!(
        is_limit || targets.iter().all(is_behind),
        "{what}: {targets:?}"
    );
    let invalid = exporter.dispositions()["invalid"];
    exporter.stop().await;
    (
        invalid,
        world.cloud.truth(world.now_ms()).totals.sums.unreadable,
    )
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

type Limit = fn(&mut Faults);

/// Asserts that all is read exactly through each API where `base` and one of `limits` are so.
async fn read_exactly_within(apis: &[&str], base: &Faults, limits: &[(&str, Limit)]) {
    for (name, limit) in limits {
        let mut faults = base.clone();
        limit(&mut faults);
        for api in apis {
            let what = format!("{api}: {name}");
            assert_eq!(reads_exactly(api, faults.clone(), &what).await, (0, 0));
        }
    }
}

/// 1,000 rows take 60 s, where the exporter waits for 30.
fn slow(faults: &mut Faults) {
    faults.row_delay = Duration::from_millis(60);
}

#[tokio::test(start_paused = true)]
async fn a_topic_is_read_in_pages_that_can_be_had() {
    let limits: [(&str, Limit); 5] = [
        ("few rows", |faults| faults.most_rows = Some(40)),
        ("one row", |faults| faults.most_rows = Some(1)),
        ("few bytes", |faults| faults.most_bytes = Some(9_000)),
        ("cut", |faults| faults.cut_at = Some(9_000)),
        ("slow", slow),
    ];
    read_exactly_within(&["cls"], &Faults::none(), &limits).await;
}

#[tokio::test(start_paused = true)]
async fn rows_that_change_places_are_read_in_pages_that_can_be_had() {
    let unstable = Faults {
        unstable_ties: true,
        ..Faults::none()
    };
    let limits: [(&str, Limit); 4] = [
        ("few rows", |faults| faults.most_rows = Some(70)),
        ("few bytes", |faults| faults.most_bytes = Some(40_000)),
        ("cut", |faults| faults.cut_at = Some(40_000)),
        ("slow", slow),
    ];
    read_exactly_within(&["v2", "v3"], &unstable, &limits).await;
}

#[tokio::test(start_paused = true)]
async fn a_row_that_no_answer_can_bring_is_stepped_over_by_offset() {
    for (api, unstable_ties) in [("v2", false), ("v3", false), ("v2", true), ("v3", true)] {
        let faults = Faults {
            oversized_rows: 0.002,
            unstable_ties,
            ..Faults::none()
        };
        let what = format!("{api}, ties change places: {unstable_ties}");
        let (invalid, lost) = reads_exactly(api, faults, &what).await;
        assert!(lost > 1 && invalid >= lost, "{what}: {invalid} of {lost}");
    }
}

/// A text with an escape that JSON does not know makes a whole answer unreadable.
#[tokio::test(start_paused = true)]
async fn a_row_that_breaks_the_answer_which_holds_it_is_stepped_over() {
    for api in ["v2", "v3", "cls"] {
        let faults = Faults {
            oversized_rows: 0.002,
            broken_rows: true,
            ..Faults::none()
        };
        let (invalid, lost) = reads_exactly(api, faults, api).await;
        assert!(lost > 1 && invalid >= lost, "{api}: {invalid} of {lost}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_row_that_no_answer_can_bring_is_reported_once_and_hides_no_other() {
    let faults = Faults {
        oversized_rows: 0.005,
        ..Faults::none()
    };
    let (invalid, lost) = reads_exactly("cls", faults, "oversized").await;
    assert!(lost > 3, "{lost}");
    assert_eq!(invalid, lost);
}

/// A region of 30 functions, whose API refuses more than 7 entries and every answer with one of
/// the withheld ones.
struct Region(Mutex<Vec<usize>>);

impl Transport for Region {
    fn send<'a>(
        &'a self,
        request: HttpRequest,
    ) -> BoxFuture<'a, Result<HttpResponse, TransportError>> {
        let number = |name: &str| -> usize {
            let pairs = request.url.split(['?', '&']);
            let mut values = pairs.filter_map(|pair| pair.strip_prefix(name));
            values.next().unwrap().parse().unwrap()
        };
        let (offset, limit) = (number("offset="), number("limit="));
        let page = (0..30).skip(offset).take(limit);
        let withheld = self.0.lock().unwrap().clone();
        let refused = limit > 7 || page.clone().any(|n| withheld.contains(&n));
        let names: Vec<_> = page
            .map(|n| format!(r#"{{"functionName":"f{n:02}"}}"#))
            .collect();
        let body = match refused {
            true => r#"{"code":4000,"message":"(100001)invalid value of limit"}"#.to_owned(),
            false => format!(
                r#"{{"code":0,"data":{{"functions":[{}],"total":30}}}}"#,
                names.join(",")
            ),
        };
        Box::pin(std::future::ready(Ok(HttpResponse::new(200, body))))
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_comes_in_pages_that_can_be_had_and_one_entry_hides_no_other() {
    let region = Arc::new(Region(Mutex::default()));
    let key = tencentcloud::secret::Secret::new("k");
    let key = Credentials::new("AKIDx".to_owned(), key, None, "a test").unwrap();
    let client = Client::new(
        ClientConfig::new(Service::V2, "ap-x"),
        Arc::new(key),
        region.clone(),
        Runtime::simulated(Timestamp::from_secs(1_700_000_000), 1),
        Arc::new(()),
    );
    let place = SourceScope {
        account: "".into(),
        region: "ap-x".into(),
        read: Read::Region,
        max_run_time: Duration::from_secs(900),
        delivery_delay: Duration::from_secs(60),
    };
    let source = V2Source::new(client, place, FunctionFilter::default(), 1_000);
    let names = async || -> Vec<String> {
        let listed = source.list().await.unwrap().functions;
        listed
            .iter()
            .map(|one| one.function.name.to_string())
            .collect()
    };
    *region.0.lock().unwrap() = vec![12];
    let found = names().await;
    assert_eq!(found.len(), 29);
    assert!(!found.contains(&"f12".to_owned()) && found.contains(&"f13".to_owned()));
    region.0.lock().unwrap().clear();
    assert_eq!(names().await.len(), 30);
    *region.0.lock().unwrap() = vec![0, 29];
    assert_eq!(names().await.len(), 30, "what was known stays");
    *region.0.lock().unwrap() = (0..30).collect();
    assert!(source.list().await.is_err());
}
