//! Answers that are refused, delayed or cut for their size, and bytes that are no UTF-8.

use std::time::Duration;

use serde_json::{Value, json};

use super::client::Client;
use super::client3::Client3;
use crate::{Cloud, Faults, Response, Settings};

/// One question to each API: up to so many of the newest rows, an hour after the start.
struct Desk {
    cloud: Cloud,
    now_ms: i64,
    v2: Client,
    scf: Client3,
    cls: Client3,
}

impl Desk {
    fn new(faults: Faults) -> Self {
        let settings = Settings {
            faults,
            functions: 40,
            ..Settings::new(77)
        };
        let scf = Client3::new(&settings);
        Self {
            v2: Client::new(&settings),
            cls: scf.of_service("cls", "2020-10-16"),
            scf,
            now_ms: settings.start_ms + 600_000,
            cloud: Cloud::new(settings),
        }
    }

    fn v2(&mut self, limit: usize) -> Response {
        let limit = limit.to_string();
        let params = [("limit", limit.as_str()), ("order", "desc")];
        self.v2
            .send(&self.cloud, self.now_ms, "GetFunctionLogs", &params)
    }

    fn v3(&self, limit: usize) -> Response {
        let params = json!({"Limit": limit, "Order": "desc"});
        self.scf
            .send(&self.cloud, self.now_ms, "GetFunctionLogs", &params)
    }

    fn cls(&self, limit: usize) -> Response {
        let topic = self.cloud.topics().into_keys().next().unwrap();
        let params = json!({
            "TopicId": topic, "From": 0, "To": self.now_ms, "Limit": limit,
            "QueryString": "SCF_Type:\"Platform\" AND SCF_Message:\"Report\"",
        });
        self.cls
            .send(&self.cloud, self.now_ms, "SearchLog", &params)
    }

    fn all(&mut self, limit: usize) -> [Response; 3] {
        [self.v2(limit), self.v3(limit), self.cls(limit)]
    }
}

/// The code of an error, empty for an answer.
fn code(response: &Response) -> String {
    let body: Value = serde_json::from_slice(&response.body).unwrap();
    match body["Response"]["Error"]["Code"].as_str() {
        Some(code) => code.to_owned(),
        None if body["code"] == 0 || body["Response"].is_object() => String::new(),
        None => body["code"].to_string(),
    }
}

#[test]
fn answers_that_are_too_large_are_refused_as_each_api_does() {
    let mut few = Desk::new(Faults {
        most_rows: Some(10),
        ..Faults::none()
    });
    let refusals = few.all(11).map(|response| code(&response));
    let of_logs = "LimitExceeded.SearchResultTooLarge";
    assert_eq!(refusals, ["4000", "InvalidParameterValue.Limit", of_logs]);
    assert_eq!(few.all(10).map(|response| code(&response)), ["", "", ""]);
    let list = json!({"Namespace": "default", "Limit": 40});
    let list = few.scf.send(&few.cloud, few.now_ms, "ListFunctions", &list);
    assert_eq!(code(&list), "InvalidParameterValue.Limit");

    let mut short = Desk::new(Faults {
        most_bytes: Some(20_000),
        ..Faults::none()
    });
    let refusals = short.all(100).map(|response| code(&response));
    assert_eq!(refusals, ["4000", "ResponseSizeLimitExceeded", of_logs]);
    for response in short.all(3) {
        assert!(code(&response).is_empty() && response.body.len() <= 20_000);
    }
}

#[test]
fn a_slow_link_takes_longer_for_more_rows_and_a_proxy_cuts_at_one_place() {
    let mut slow = Desk::new(Faults {
        row_delay: Duration::from_millis(40),
        ..Faults::none()
    });
    for response in slow.all(50) {
        assert_eq!(response.delay, Duration::from_secs(2));
    }
    let mut proxy = Desk::new(Faults {
        cut_at: Some(5_000),
        ..Faults::none()
    });
    for response in proxy.all(50) {
        assert!(response.body.len() > 5_000);
        assert_eq!(response.cut_after, Some(5_000));
    }
    for response in proxy.all(1) {
        assert_eq!(response.cut_after, None);
    }
}

#[test]
fn some_bytes_are_no_utf_8_and_the_rest_is_the_same() {
    let faults = |odd_bytes| Faults {
        odd_bytes,
        ..Faults::none()
    };
    let (mut plain, mut odd) = (Desk::new(faults(0.0)), Desk::new(faults(0.3)));
    for (plain, odd) in plain.all(50).iter().zip(odd.all(50)) {
        assert!(std::str::from_utf8(&odd.body).is_err());
        let read = String::from_utf8_lossy(&odd.body);
        let without = read.replace(char::REPLACEMENT_CHARACTER, "");
        let value = |text: &[u8]| serde_json::from_slice::<Value>(text).unwrap();
        assert_eq!(value(without.as_bytes()), value(&plain.body));
    }
}

#[test]
fn a_row_that_is_too_large_for_any_answer_is_no_part_of_the_truth() {
    let mut desk = Desk::new(Faults {
        oversized_rows: 0.02,
        ..Faults::none()
    });
    let truth = desk.cloud.truth(desk.now_ms);
    let lost = truth.totals.unreadable;
    let all = truth.total() + lost;
    // 2 % of some 12,000 calls and their retries.
    assert!((180..300).contains(&lost), "{lost} of {all}");
    for response in desk.all(1_000) {
        assert_ne!(code(&response), "");
    }
    // Row by row, v3 gives all but those that are lost, of the newest hundred.
    let alone = |offset: usize| {
        let params = json!({"Limit": 1, "Offset": offset, "Order": "desc"});
        code(
            &desk
                .scf
                .send(&desk.cloud, desk.now_ms, "GetFunctionLogs", &params),
        )
    };
    let codes: Vec<String> = (0..200).map(alone).collect();
    let refused = codes.iter().filter(|code| !code.is_empty()).count();
    assert!((1..12).contains(&refused), "{refused} of 200");
}
