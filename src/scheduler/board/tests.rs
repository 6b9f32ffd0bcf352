use std::time::Duration;

use super::*;
use crate::model::FunctionId;
use tencentcloud::ErrorClass;

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

fn board(sources: &[&str]) -> StatusBoard {
    let board = StatusBoard::default();
    for source in sources {
        let info = SourceInfo {
            api: Api::V3,
            region: "ap-x".to_owned(),
            account: String::new(),
            limits: RequestLimits {
                each_action: 5.0,
                of_actions: &[],
            },
            requests: Arc::default(),
            clock: CloudClock::default(),
        };
        board.begun(source, info);
    }
    board
}

fn target(name: &str) -> TargetId {
    TargetId::function(FunctionId::new("ap-x", "default", name))
}

fn read(board: &StatusBoard, name: &str) {
    let poll = Polled {
        watermark: NOW,
        allowed_lateness: AllowedLateness::NONE,
        hint: None,
    };
    board.polled(&target(name), NOW, poll);
}

fn fail(board: &StatusBoard, name: &str) {
    board.failed(&target(name), NOW, Issue::of("network", "no", ""));
}

fn not_listed(board: &StatusBoard, source: &str) {
    let error = ApiError {
        class: ErrorClass::Authentication,
        action: "ListFunctions".into(),
        endpoint: "h".into(),
        code: "UnauthorizedOperation".into(),
        message: "no".into(),
        advice: "",
        request_id: None,
        attempts: 1,
    };
    board.discovery_failed(source, NOW, &error);
}

fn unread(board: &StatusBoard) -> Vec<(String, Awaited)> {
    let unread = board.unread().into_iter();
    unread.map(|one| (one.source, one.why)).collect()
}

/// What a source waits for at each step, until it is read.
#[test]
fn a_source_waits_for_its_list_and_for_one_read_with_success() {
    let board = board(&["a", "b"]);
    let of = |a: Option<Awaited>| {
        let a = a.map(|why| ("a".to_owned(), why));
        let others = [("b".to_owned(), Awaited::Functions)];
        a.into_iter().chain(others).collect::<Vec<_>>()
    };
    assert_eq!(unread(&board), of(Some(Awaited::Functions)));
    not_listed(&board, "a");
    assert_eq!(unread(&board), of(Some(Awaited::Listing)));
    for name in ["f", "g"] {
        board.added(&target(name), &"a".into());
    }
    board.discovered("a", NOW, Vec::new(), true);
    assert_eq!(unread(&board), of(Some(Awaited::FirstRead)));
    fail(&board, "f");
    assert_eq!(unread(&board), of(Some(Awaited::FirstRead)));
    fail(&board, "g");
    assert_eq!(unread(&board), of(Some(Awaited::Success)));
    read(&board, "g");
    assert_eq!(unread(&board), of(None));
    // Once is enough: later failures are shown elsewhere.
    fail(&board, "g");
    not_listed(&board, "a");
    board.added(&target("new"), &"a".into());
    assert_eq!(unread(&board), of(None));
    let ready: Vec<bool> = board.sources().iter().map(SourceState::is_ready).collect();
    assert_eq!(ready, [true, false]);
    board.ended("b");
    assert_eq!(unread(&board), []);
}

/// Topics that are configured, and regions, are read without the list.
#[test]
fn a_target_that_was_read_before_the_list_counts_once_the_list_has_ended() {
    for fails in [false, true] {
        let board = board(&["a"]);
        board.added(&target("standing"), &"a".into());
        read(&board, "standing");
        assert_eq!(unread(&board), [("a".to_owned(), Awaited::Functions)]);
        if fails {
            not_listed(&board, "a");
        } else {
            board.discovered("a", NOW, Vec::new(), true);
        }
        assert_eq!(unread(&board), []);
    }
}

#[test]
fn a_source_without_functions_is_read_once_that_is_certain() {
    let board = board(&["a"]);
    board.discovered("a", NOW, Vec::new(), false);
    assert_eq!(unread(&board), [("a".to_owned(), Awaited::Functions)]);
    board.discovered("a", NOW, Vec::new(), true);
    assert_eq!(unread(&board), []);
}

#[test]
fn an_issue_lasts_until_a_list_lacks_it() {
    let board = board(&["a"]);
    let later = NOW + Duration::from_secs(300);
    let texts = |texts: &[&str]| -> Vec<String> { texts.iter().map(|&t| t.to_owned()).collect() };
    board.set_issues("a", NOW, 1, &texts(&["typo", "right"]));
    board.set_issues("a", later, 1, &texts(&["typo"]));
    let [source] = &board.sources()[..] else {
        panic!("one source");
    };
    assert_eq!(source.unmatched, 1);
    let shown = source.hints.iter();
    let shown: Vec<_> = shown
        .map(|hint| (&*hint.what, hint.since, hint.last, hint.times))
        .collect();
    assert_eq!(shown, [("typo", NOW, later, 2)]);
    board.set_issues("a", later, 0, &[]);
    assert_eq!(board.sources()[0].hints, []);
}
