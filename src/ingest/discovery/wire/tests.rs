use super::*;

fn entry(name: &str, changed: Option<&str>) -> Entry {
    Entry {
        name: name.into(),
        changed: changed.map(Into::into),
    }
}

fn details(mib: u64, seconds: u64, runtime: &str, topic: &str) -> Details {
    let about = FunctionConfig {
        memory_limit: Bytes(mib * 1_048_576),
        timeout: Duration::from_secs(seconds),
        runtime: runtime.to_owned(),
    };
    Details {
        about: Some(Arc::new(about)),
        topic: Topic::Id(topic.into()),
    }
}

#[test]
fn entries_have_their_name_and_the_time_of_their_change() {
    let body = json!({"TotalCount": 1, "Functions": [{"FunctionName": "thumbs",
        "Namespace": "dfault", "FunctionId": "lam 1", "ModTime": "2021-03-04 05:06:07",
        "ReservedConcurrencyMem": null, "Tags": []}]});
    let list: FunctionList = serde_json::from_value(body).unwrap();
    let page = Page {
        rows: 1,
        entries: vec![entry("thumbs", Some("2021-03-04 05:06:07"))],
        total: 1,
    };
    assert_eq!(list.page(), page);
}

fn answered(body: Value) -> Details {
    let answer: FunctionAnswer = serde_json::from_value(body).unwrap();
    answer.details()
}

#[test]
fn details_that_are_missing_or_absurd() {
    let nothing = Details {
        about: None,
        topic: Topic::None,
    };
    for body in [
        json!({}),
        json!({"MemorySize": null, "Timeout": null, "Runtime": null, "ClsTopicId": null}),
        json!({"MemorySize": -1, "Timeout": 3, "ClsTopicId": ""}),
        json!({"MemorySize": 128, "Timeout": 0, "ClsTopicId": "x".repeat(256)}),
    ] {
        assert_eq!(answered(body.clone()), nothing, "{body}");
    }
    let long = json!({"MemorySize": 64, "Timeout": i64::MAX, "Runtime": "r".repeat(70), "ClsTopicId": "t"});
    assert_eq!(
        answered(long),
        details(64, 604_800, &"r".repeat(64), "t"),
        "no longer than a week"
    );
}

#[test]
fn rows_without_a_usable_name_are_counted_but_not_taken() {
    let body = json!({"TotalCount": null, "Functions": [
        {"FunctionName": null}, {"FunctionName": ""}, {}, {"FunctionName": "a".repeat(256)},
        {"FunctionName": "ok", "ModTime": null}]});
    let list: FunctionList = serde_json::from_value(body).unwrap();
    let page = Page {
        rows: 5,
        entries: vec![entry("ok", None)],
        total: 0,
    };
    assert_eq!(list.page(), page);
    let empty = json!({"Functions": null, "TotalCount": -1});
    let list: FunctionList = serde_json::from_value(empty).unwrap();
    assert_eq!(list.page(), Page::default());
}

#[test]
fn an_entry_of_another_shape_is_one_without_a_name() {
    let body = json!({"TotalCount": 4, "Functions": [
        7, null, {"FunctionName": ["f"]}, {"FunctionName": "ok", "ModTime": 5}]});
    let list: FunctionList = serde_json::from_value(body).unwrap();
    let page = Page {
        rows: 4,
        entries: vec![entry("ok", None)],
        total: 4,
    };
    assert_eq!(list.page(), page);
}

#[test]
fn numbers_are_read_in_every_spelling() {
    for two in [json!(2), json!("2"), json!(2.0), json!(" 2 ")] {
        let functions = json!({"TotalCount": two, "Functions": []});
        let list: FunctionList = serde_json::from_value(functions).unwrap();
        assert_eq!(list.page().total, 2, "{two}");
        let namespaces = json!({"TotalCount": two, "Namespaces": []});
        let list: Namespaces = serde_json::from_value(namespaces).unwrap();
        assert_eq!(list.page().total, 2, "{two}");
        let of = json!({"MemorySize": two, "Timeout": two, "Runtime": "r", "ClsTopicId": "t"});
        assert_eq!(answered(of), details(2, 2, "r", "t"), "{two}");
    }
}

#[test]
fn an_odd_value_spoils_nothing_beside_it() {
    let about_nothing = Details {
        about: None,
        topic: Topic::Id("t".into()),
    };
    for odd in [json!("many"), json!([]), json!({"MB": 1}), json!(64.5)] {
        let of = json!({"MemorySize": odd, "Timeout": 3, "Runtime": [], "ClsTopicId": "t"});
        assert_eq!(answered(of), about_nothing, "{odd}");
    }
}

#[test]
fn the_answer_to_something_else_is_no_empty_list() {
    for other in [
        json!({}),
        json!({"MemorySize": 128}),
        json!({"Functions": null}),
    ] {
        let read = serde_json::from_value::<FunctionList>(other.clone());
        let told = read.unwrap_err().to_string();
        assert!(told.contains("neither Functions nor TotalCount"), "{told}");
        assert!(serde_json::from_value::<Namespaces>(other).is_err());
    }
}

#[test]
fn what_is_asked_for() {
    let function = FunctionId::new("ap-x", "default", "f");
    assert_eq!(
        FunctionAnswer::params(&function),
        json!({"FunctionName": "f", "Namespace": "default", "ShowCode": "FALSE"})
    );
    assert_eq!(
        FunctionList::params("abc"),
        json!({"Namespace": "abc", "Orderby": "FunctionName", "Order": "ASC"})
    );
    assert_eq!(
        Namespaces::params(""),
        json!({"Orderby": "Name", "Order": "ASC"})
    );
}
