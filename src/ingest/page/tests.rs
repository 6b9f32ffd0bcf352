use super::*;
use crate::config::FunctionFilter;

/// A row of which every value can be used.
fn good() -> RowFields<'static> {
    RowFields {
        request_id: Some("b684ef85-250a-11e7-839d-5254007d2563"),
        attempt: Some(2),
        position: Some(Timestamp::from_secs(5)),
        code: Some(433),
        outcome: Outcome::Timeout,
        duration: Some(Nanos(7)),
        billed: Some(Nanos(8)),
        memory: Some(Bytes(9)),
        memory_limit: Bytes(10),
        started: None,
        retried: true,
    }
}

fn wanted(names: &[&str]) -> FunctionSelector {
    let names = names.iter().map(ToString::to_string).collect();
    FunctionSelector {
        functions: FunctionFilter::new(names, Vec::new(), Vec::new()),
        ..FunctionSelector::default()
    }
}

/// Adds a row for each pair of namespace and name, asking `wanted`.
fn build(wanted: &FunctionSelector, rows: &[(&str, &str)]) -> Page {
    let target = TargetId::topic("ap-x", "t").of_account("a");
    let context = ParseContext {
        target: &target,
        wanted,
    };
    let mut builder = PageBuilder::new(context, rows.len());
    for named in rows {
        builder.add(Some(*named), || good().judge().map(Entry::Invocation));
    }
    builder.finish()
}

#[test]
fn the_first_value_that_cannot_be_used_rejects_the_row() {
    use RejectReason as R;
    // In their order: as one after the other is mended, the next one is the reason.
    let mut odd = RowFields {
        request_id: None,
        attempt: None,
        position: None,
        code: None,
        duration: None,
        billed: None,
        memory: None,
        ..good()
    };
    type Mend = fn(&mut RowFields<'static>);
    let mends: [(R, Mend); 7] = [
        (R::RequestId, |row| row.request_id = Some("x")),
        (R::RequestId, |row| row.attempt = good().attempt),
        (R::StartTime, |row| row.position = good().position),
        (R::RetCode, |row| row.code = good().code),
        (R::Duration, |row| row.duration = good().duration),
        (R::BilledDuration, |row| row.billed = good().billed),
        (R::Memory, |row| row.memory = good().memory),
    ];
    let judge = |row: &RowFields<'static>| RowFields { ..*row }.judge();
    for (reason, mend) in mends {
        assert_eq!(judge(&odd), Err(reason));
        mend(&mut odd);
    }
    assert_eq!(judge(&odd).map(|row| row.id_is_uuid), Ok(false));
}

#[test]
fn names_and_ids_have_bounds() {
    let long = "a".repeat(257);
    for (name, usable) in [
        ("f", true),
        (&long[..256], true),
        (&long, false),
        ("", false),
        // A byte of it was lost.
        ("f\u{fffd}", false),
    ] {
        let key = invocation_key(Some(name), Some(0));
        assert_eq!(key.is_ok(), usable, "{name}");
        for named in [("n", name), (name, "f")] {
            let page = build(&FunctionSelector::default(), &[named]);
            let expected = vec![RejectReason::FunctionName; usize::from(!usable)];
            assert_eq!(page.rejects, expected, "{named:?}");
            assert_eq!(page.rows.len(), usize::from(usable));
        }
    }
}

#[test]
fn each_function_stands_once_and_only_wanted_ones_have_rows() {
    let wanted = wanted(&["f", "g"]);
    let rows = [("n", "f"), ("n", "h"), ("m", "f"), ("n", "g"), ("n", "f")];
    let page = build(&wanted, &rows);
    let names: Vec<String> = page.functions.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["a@ap-x/n/f", "a@ap-x/m/f", "a@ap-x/n/g"]);
    let functions: Vec<u16> = page.rows.iter().map(|row| row.function).collect();
    assert_eq!(functions, [0, 1, 2, 0]);
    assert_eq!((page.rejects.len(), page.unfinished), (0, 0));
}

#[test]
fn what_a_row_says_decides_where_it_goes() {
    let (target, wanted) = (TargetId::region("ap-x"), wanted(&["f"]));
    let context = ParseContext {
        target: &target,
        wanted: &wanted,
    };
    let mut builder = PageBuilder::new(context, 0);
    let cold = ColdStart {
        function: 7,
        key: InvocationKey::default().of_cold_start(),
        position: Timestamp::from_secs(1),
        total: Nanos(3),
        parts: [Nanos(1); 3],
    };
    let mut add = |name, says| builder.add(name, || says);
    let f = Some(("default", "f"));
    let row = || good().judge().map(Entry::Invocation);
    assert_eq!(add(f, Ok(Entry::Unfinished)), RowStatus::Running);
    assert_eq!(add(f, row()), RowStatus::Counted);
    assert_eq!(add(f, Err(RejectReason::Memory)), RowStatus::PassedOver);
    assert_eq!(add(f, Ok(Entry::ColdStart(cold))), RowStatus::PassedOver);
    // Whatever they say.
    let other = Some(("default", "g"));
    let odd = || Err(RejectReason::Duration);
    assert_eq!(add(other, odd()), RowStatus::PassedOver);
    assert_eq!(add(None, odd()), RowStatus::PassedOver);
    let page = builder.finish();
    assert_eq!((page.rows.len(), page.unfinished), (1, 1));
    let function = 0;
    assert_eq!(page.cold_starts, [ColdStart { function, ..cold }]);
    use RejectReason::{FunctionName, Memory};
    assert_eq!(page.rejects, [Memory, FunctionName]);
}
