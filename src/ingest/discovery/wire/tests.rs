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

fn page<L: List>(body: Value) -> Page {
    serde_json::from_value::<L>(body).unwrap().page()
}

#[test]
fn entries_have_name_and_modification_time_and_odd_ones_only_count() {
    let time = "2021-03-04 05:06:07";
    let whole = json!({"FunctionName": "thumbs", "Namespace": "dfault", "FunctionId": "lam 1",
        "ModTime": time, "ReservedConcurrencyMem": null, "Tags": []});
    let nameless = json!([
        {"FunctionName": null}, {"FunctionName": ""}, {}, {"FunctionName": "a".repeat(256)},
        {"FunctionName": "ok", "ModTime": null}]);
    let of_another_shape = json!([
        7, null, {"FunctionName": ["f"]}, {"FunctionName": "ok", "ModTime": 5}]);
    let ok = || vec![entry("ok", None)];
    for (total_count, functions, rows, entries, total) in [
        (
            json!(1),
            json!([whole]),
            1,
            vec![entry("thumbs", Some(time))],
            1,
        ),
        (json!(null), nameless, 5, ok(), 0),
        (json!(4), of_another_shape, 4, ok(), 4),
        (json!(-1), json!(null), 0, Vec::new(), 0),
    ] {
        let body = json!({"TotalCount": total_count, "Functions": functions});
        let expected = Page {
            rows,
            entries,
            total,
        };
        assert_eq!(page::<FunctionList>(body), expected, "{functions}");
    }
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
    // No longer than a week.
    let expected = details(64, 604_800, &"r".repeat(64), "t");
    assert_eq!(answered(long), expected);
}

#[test]
fn numbers_are_read_in_every_spelling() {
    for two in [json!(2), json!("2"), json!(2.0), json!(" 2 ")] {
        let functions = json!({"TotalCount": two, "Functions": []});
        assert_eq!(page::<FunctionList>(functions).total, 2, "{two}");
        let namespaces = json!({"TotalCount": two, "Namespaces": []});
        assert_eq!(page::<Namespaces>(namespaces).total, 2, "{two}");
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
