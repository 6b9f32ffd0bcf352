use super::*;

const NOW: i64 = 1_795_412_467;

fn ago(seconds: i64) -> Timestamp {
    Timestamp::from_secs(NOW - seconds)
}

fn target(name: &str, trouble: Option<Issue>) -> TargetStatus {
    TargetStatus {
        name: name.into(),
        source: "main".into(),
        last_poll: Some(ago(12)),
        watermark: Some(ago(1_200)),
        allowed_lateness: Some(Duration::from_secs(1_080)),
        trouble,
        ..TargetStatus::default()
    }
}

fn failing(what: &str, advice: &str) -> Option<Issue> {
    let first = Issue::of("4400", what, advice).met(None, ago(180));
    Some(first.clone().met(Some(&first), ago(10)))
}

fn status(targets: Vec<TargetStatus>) -> Status {
    Status {
        now: ago(0),
        began: ago(7_500),
        targets,
        ..Status::default()
    }
}

fn page(targets: Vec<TargetStatus>) -> String {
    render("/metrics", Readiness::Ready, status(targets)).unwrap()
}

fn waiting(why: Awaited) -> Readiness {
    let source = "main".to_owned();
    Readiness::Waiting(vec![Unread { source, why }])
}

/// The colour of the headline, and the headline.
fn headline(page: &str) -> (String, String) {
    let words = regex::Regex::new(r#"<p class="state (\w+)"><strong>(.*?)</strong>"#).unwrap();
    let found = words.captures(page).unwrap();
    (found[1].to_owned(), found[2].to_owned())
}

/// The text of the cells of each target's row.
fn rows(page: &str) -> Vec<Vec<String>> {
    let body = page.split("<tbody id=\"rows\">").nth(1).unwrap();
    let body = body.split("</tbody>").next().unwrap();
    let tags = regex::Regex::new("<[^>]*>").unwrap();
    let cells = regex::Regex::new("(?s)<(?:td|th)[^>]*>(.*?)</(?:td|th)>").unwrap();
    let rows = body.split("<tr ").skip(1);
    rows.map(|row| {
        let cells = cells.captures_iter(row);
        cells
            .map(|cell| tags.replace_all(&cell[1], "").into_owned())
            .collect()
    })
    .collect()
}

#[test]
fn a_row_tells_all_about_a_target() {
    let mut one = target("r/n/f", failing("too many requests", "ask less"));
    one.rows = Rows {
        counted: 12_345,
        duplicate: 1,
        late: 2,
        unfinished: 3,
        invalid: 4,
    };
    let cell = |total, failed| Cell { total, failed };
    one.recent = vec![cell(0, 0), cell(1_000, 4), cell(234, 0)];
    let page = page(vec![one]);
    let expected = [
        "failing",
        "r/n/f",
        "1,234 4 failed",
        "12 s ago",
        "2 min",
        "05:21:07",
        "12,345",
        "1",
        "3",
        "2",
        "4",
        "4400 for 3 min, 2 timestoo many requests What to do: ask less",
    ];
    assert_eq!(rows(&page), [expected]);
    assert!(
        page.contains("<strong>1 of 1 target failing</strong>"),
        "{page}"
    );
    assert!(page.contains("<title>(1 failing) scf-exporter</title>"));
}

#[test]
fn names_and_errors_cannot_become_markup() {
    let hostile = "<script>alert(1)</script><b a='\"&";
    let mut status = status(vec![target(hostile, failing(hostile, hostile))]);
    status.sources = vec![SourceStatus {
        name: hostile.into(),
        stream_modes: vec![(hostile.into(), hostile.into())],
        trouble: failing(hostile, hostile),
        ..SourceStatus::default()
    }];
    let page = render("/metrics", Readiness::Ready, status).unwrap();
    assert!(
        !page.contains("<script>") && !page.contains("<b a"),
        "{page}"
    );
    let escaped = "&#60;script&#62;alert(1)&#60;/script&#62;&#60;b a=&#39;&#34;&#38;";
    assert!(page.matches(escaped).count() >= 8, "{page}");
}

#[test]
fn failing_targets_come_first_then_advice_then_those_that_wait() {
    let mut waiting = target("w", None);
    waiting.last_poll = None;
    let mut over = failing("over", "");
    over.as_mut().unwrap().end(ago(5));
    let page = page(vec![
        target("c", None),
        target("b", over),
        waiting,
        target("z", failing("no", "")),
        target("y", Some(Issue::hint("index").met(None, ago(9)))),
        target("a", failing("no", "")),
    ]);
    let names: Vec<String> = rows(&page).iter().map(|row| row[1].clone()).collect();
    assert_eq!(names, ["a", "z", "y", "w", "b", "c"]);
    assert!(page.contains("over for 5 s"), "{page}");
}

#[test]
fn a_target_without_any_row_is_told_from_a_busy_one() {
    let mut busy = target("a", None);
    busy.rows.unfinished = 1;
    let page = page(vec![busy, target("b", None)]);
    let said: Vec<bool> = rows(&page)
        .iter()
        .map(|row| row[11].contains("no rows"))
        .collect();
    assert_eq!(said, [false, true]);
}

#[test]
fn long_texts_are_cut_and_old_troubles_are_not_shown() {
    let mut old = failing("long over", "");
    old.as_mut().unwrap().end(ago(3_700));
    let page = page(vec![
        target("a", failing(&"long ".repeat(10_000), "")),
        target("b", old),
    ]);
    assert!(page.len() < 20_000, "{}", page.len());
    assert!(!page.contains("long over"));
}

#[test]
fn before_anything_is_known_the_page_says_so() {
    let page = render("/m", waiting(Awaited::Functions), status(Vec::new())).unwrap();
    for words in [
        "Looking for targets",
        "No targets yet",
        "href=\"m\"",
        "in memory",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
}

/// Green means that nobody need look any further.
#[test]
fn the_headline_is_green_only_where_nothing_needs_a_look() {
    let hinted = |mut status: Status| {
        let hint = Issue::hint("no function is called `helo`; did you mean `hello`?");
        status.sources = vec![SourceStatus {
            name: "main".into(),
            hints: vec![hint.met(None, ago(9))],
            ..SourceStatus::default()
        }];
        status
    };
    let read = || status(vec![target("a", None)]);
    let nothing = || status(Vec::new());
    let unread = || {
        let mut target = target("a", None);
        target.last_poll = None;
        status(vec![target])
    };
    let advised = "All targets are read; see the advice";
    let empty = "There is nothing to read";
    for (readiness, status, tone, words) in [
        (Readiness::Ready, read(), "good", "All targets are read"),
        (Readiness::Ready, hinted(read()), "wait", advised),
        (Readiness::Ready, nothing(), "wait", empty),
        (Readiness::Ready, hinted(nothing()), "wait", empty),
        (
            Readiness::Ready,
            unread(),
            "wait",
            "1 of 1 target still to be read",
        ),
        (
            waiting(Awaited::Functions),
            nothing(),
            "wait",
            "Looking for targets",
        ),
    ] {
        let page = render("/metrics", readiness, status).unwrap();
        assert_eq!(headline(&page), (tone.to_owned(), words.to_owned()));
    }
    let page = render("/metrics", Readiness::Ready, hinted(nothing())).unwrap();
    assert!(page.contains("did you mean `hello`?"), "{page}");
}

/// A figure to look at, not to judge by: machines differ.
#[test]
fn five_thousand_targets_are_one_page() {
    let targets = (0..5_000).map(|number| {
        let name = format!("ap-guangzhou/default/function-{number:04}");
        let trouble = (number % 50 == 0).then(|| failing("too many requests", "ask less"));
        let recent = (0..60).map(|minute| Cell {
            total: (number * 7 + minute * 13) % 50,
            failed: u32::from((number + minute) % 9 == 0),
        });
        TargetStatus {
            recent: recent.collect(),
            ..target(&name, trouble.flatten())
        }
    });
    let status = status(targets.collect());
    let began = tokio::time::Instant::now();
    let page = render("/metrics", Readiness::Ready, status).unwrap();
    let took = began.elapsed();
    assert_eq!(rows(&page).len(), 5_000);
    eprintln!("5,000 targets: {} bytes in {took:?}", page.len());
}

#[test]
fn after_a_failed_reload_the_headline_is_amber_and_the_page_says_why() {
    let mut status = status(vec![target("a", None)]);
    status.config.loaded = ago(7_500);
    status.config.fault = Some("poll.interval: `<b>` is no duration".into());
    let page = render("/metrics", Readiness::Ready, status).unwrap();
    let words = "The configuration could not be reloaded";
    assert_eq!(headline(&page), ("wait".to_owned(), words.to_owned()));
    assert!(page.contains("`&#60;b&#62;` is no duration"), "{page}");
    // 2 h 5 min before 05:41:07.
    assert!(page.contains("loaded at 03:36:07 stays in use"), "{page}");
}

#[test]
fn where_every_target_fails_nothing_is_called_complete() {
    let failed = || target("a", failing("no", ""));
    let summary = |page: String| page.split("id=\"sources\"").next().unwrap().to_owned();
    let all = summary(page(vec![failed(), failed()]));
    assert!(all.contains("every poll fails"), "{all}");
    assert!(
        !all.contains("Complete up to") && !all.contains("12 s ago"),
        "{all}"
    );
    let some = summary(page(vec![failed(), target("b", None)]));
    // 20 minutes before 05:41:07.
    let complete = "<dt>Complete up to</dt><dd>05:21:07</dd>";
    assert!(
        some.contains(complete) && some.contains("12 s ago"),
        "{some}"
    );
}

#[test]
fn rows_read_are_all_that_were_read() {
    let mut status = status(vec![target("a", None)]);
    status.rows = Rows {
        counted: 1_000,
        duplicate: 200,
        late: 30,
        unfinished: 4,
        invalid: 5,
    };
    let page = render("/metrics", Readiness::Ready, status).unwrap();
    assert!(page.contains("<dt>Rows read</dt><dd>1,239</dd>"), "{page}");
}

#[test]
fn functions_are_shown_with_their_figures_and_the_rest_is_counted() {
    let one = |name: &str, invocations, failed, p95_seconds| FunctionStatus {
        name: name.into(),
        invocations,
        failed,
        last_invocation: Some(ago(12)),
        p95_seconds,
    };
    let mut status = status(vec![target("topic", None)]);
    status.functions.rows = vec![
        one("r/n/<i>", 2_000, 5, Some(1.25)),
        one("r/n/b", 4, 0, Some(0.0625)),
        FunctionStatus {
            name: "r/n/c".into(),
            ..FunctionStatus::default()
        },
    ];
    status.functions.left_out = 1;
    let page = render("/metrics", Readiness::Ready, status).unwrap();
    let body = page.split("<tbody id=\"functions\">").nth(1).unwrap();
    let body = body.split("</tbody>").next().unwrap();
    let tags = regex::Regex::new("<[^>]*>").unwrap();
    let rows: Vec<_> = body
        .trim()
        .lines()
        .map(|row| {
            tags.replace_all(&row.replace("</t", "|</t"), "")
                .into_owned()
        })
        .collect();
    let expected = [
        "r/n/&#60;i&#62;|12 s ago|2,000|5 (0.2 %)|1.2 s||",
        "r/n/b|12 s ago|4|0|62 ms||",
        "r/n/c|never|0|0|-||",
    ];
    assert_eq!(rows, expected);
    assert!(page.contains("1 other function with fewer calls"), "{page}");
}
