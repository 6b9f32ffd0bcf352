//! Tests of faults of requests.

use serde_json::Value;

use super::client::Client;
use crate::{Cloud, Faults, Response, Settings};

fn cloud(faults: Faults) -> (Cloud, i64, Client) {
    let settings = Settings {
        faults,
        ..Settings::new(21)
    };
    let (client, now_ms) = (Client::new(&settings), settings.start_ms + 10_000);
    (Cloud::new(settings), now_ms, client)
}

fn answers(faults: Faults) -> Vec<Response> {
    let (cloud, now_ms, mut client) = cloud(faults);
    let mut send = |_| client.send(&cloud, now_ms, "GetFunctionLogs", &[]);
    (0..60).map(&mut send).collect()
}

fn codes(responses: &[Response]) -> Vec<i64> {
    let code = |response: &Response| -> i64 {
        let body: Value = serde_json::from_slice(&response.body).unwrap();
        body["code"].as_i64().unwrap()
    };
    let mut codes: Vec<i64> = responses.iter().map(code).collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

#[test]
fn each_fault_has_its_shape() {
    let none = Faults::none();
    assert_eq!(
        codes(&answers(Faults {
            throttle: 1.0,
            ..none.clone()
        })),
        [4400, 4420]
    );
    assert_eq!(
        codes(&answers(Faults {
            errors: 1.0,
            ..none.clone()
        })),
        [6000, 6200]
    );
    for response in answers(Faults {
        html: 1.0,
        ..none.clone()
    }) {
        assert_eq!(response.status, 502);
        assert!(response.body.starts_with(b"<html>"));
    }
    for response in answers(Faults {
        empty_body: 1.0,
        ..none.clone()
    }) {
        assert_eq!((response.status, response.body.len()), (200, 0));
    }
    for response in answers(Faults {
        cut_body: 1.0,
        ..none.clone()
    }) {
        assert!(response.cut_after.unwrap() < response.body.len());
    }
    let max_delay = std::time::Duration::from_millis(300);
    let slow = answers(Faults {
        slow_body: 1.0,
        max_delay,
        ..none.clone()
    });
    assert!(
        slow.iter()
            .all(|r| !r.delay.is_zero() && r.delay < max_delay)
    );
    let fine = answers(none);
    assert!(
        fine.iter()
            .all(|r| r.delay.is_zero() && r.cut_after.is_none())
    );
    assert_eq!(codes(&fine), [0]);
}

#[test]
fn the_servers_own_limit_throttles() {
    let settings = Settings {
        requests_per_second: Some(5.0),
        ..Settings::new(22)
    };
    let (mut client, now_ms) = (Client::new(&settings), settings.start_ms);
    let cloud = Cloud::new(settings);
    let mut code = |action, now_ms| client.ask(&cloud, now_ms, action, &[])["code"].clone();
    let first: Vec<Value> = (0..7).map(|_| code("ListFunctions", now_ms)).collect();
    assert_eq!(first, [0, 0, 0, 0, 0, 4400, 4400]);
    assert_eq!(code("GetFunctionLogs", now_ms), 0);
    assert_eq!(code("ListFunctions", now_ms + 200), 0);
}
