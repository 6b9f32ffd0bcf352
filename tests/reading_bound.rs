//! What the benchmark of reading calls the best that a budget allows, against cases worked out by
//! hand.
#![allow(missing_docs)]

#[path = "../benches/reading/bound.rs"]
mod bound;

use bound::Budget;

/// 100 functions, each called once in two seconds; a page holds as many rows as there ever are.
fn alike(requests: f64) -> (f64, f64) {
    let budget = Budget {
        rates: &[0.5; 100],
        requests,
        page: 1e9,
        interval: 15.0,
    };
    (budget.best_p99(), budget.square_root_p99())
}

fn assert_near(got: f64, wanted: f64) {
    assert!(
        (got - wanted).abs() < 0.01 * wanted,
        "{got} is not {wanted}"
    );
}

#[test]
fn functions_alike_are_polled_in_turn() {
    // One request a second: each function every 100 s, and 1 % of the waits is beyond 99 s.
    let (best, square_root) = alike(1.0);
    assert_near(best, 99.0);
    assert_near(square_root, 99.0);
}

#[test]
fn more_than_enough_requests_leave_the_interval() {
    let (best, square_root) = alike(1_000.0);
    assert_near(best, 0.99 * 15.0);
    assert_near(square_root, 0.99 * 15.0);
}

#[test]
fn the_best_gives_to_the_busy_what_the_idle_hardly_miss() {
    // One function has all but 0.5 % of the rows: polled at the interval it is enough alone, and
    // what the others wait is beyond the percentile.
    let mut rates = [0.005 / 99.0 / 0.995; 100];
    rates[0] = 1.0;
    let budget = Budget {
        rates: &rates,
        requests: 1.0,
        page: 1e9,
        interval: 15.0,
    };
    // Of its own rows 0.5 % of all may be beyond: 15 s less that part.
    assert_near(budget.best_p99(), 15.0 * (1.0 - 0.005 / 0.995));
    assert!(budget.square_root_p99() >= budget.best_p99());
}

#[test]
fn rows_that_fill_their_pages_cost_requests_of_their_own() {
    // Ten rows a second in pages of two are five requests a second: a poll each fifth of a second
    // comes for nothing. A third of a request polls 100 idle functions each 300 s; what is left
    // goes to the busy one.
    let mut rates = vec![1e-9; 101];
    rates[0] = 10.0;
    let budget = |requests| Budget {
        rates: &rates,
        requests,
        page: 2.0,
        interval: 0.1,
    };
    let whole = 5.0 + 2.0 / 3.0;
    assert_near(budget(whole + 1.0 / 3.0).best_p99(), 0.99 / whole);
    assert_near(budget(5.0 + 1e-6).best_p99(), 0.99 / 5.0);
    assert!(budget(5.0).best_p99().is_infinite());
}
