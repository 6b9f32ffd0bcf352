//! What a budget of requests allows: how fresh reading function by function can be at best.
//!
//! A function of rate `l` that is polled at the frequency `f` at even distances makes a row wait
//! evenly between 0 and `1/f`: longer than `w` with the probability `max(0, 1 - w f)`. Its polls
//! cost `max(f, l/p)` requests a second, since each brings at most `p` rows. The costs of all add
//! up to the budget `B` at most. No function is polled more often than the interval says, nor more
//! seldom than [`SELDOM`] (or than half of what the rows leave allows for all, if that is less
//! often): none is given up for the sake of the others. Where the rows alone need more than the
//! budget there is no bound.
//!
//! A scheduler that knew when rows appear could do better; no scheduler with regular polls can.

/// The longest time between two polls of a function, seconds.
const SELDOM: f64 = 300.0;
/// Halvings of an interval, after which nothing is left of it.
const HALVINGS: usize = 60;
/// The part of the rows that may wait longer than the percentile.
const BEYOND: f64 = 0.01;

/// What is shared out among functions.
pub struct Budget<'a> {
    /// Rows a second, by function.
    pub rates: &'a [f64],
    /// Requests a second.
    pub requests: f64,
    /// Rows a request.
    pub page: f64,
    /// The shortest time between two polls of a function, seconds.
    pub interval: f64,
}

impl Budget<'_> {
    /// The least 99th percentile of the wait, seconds, over all rows.
    ///
    /// Whether a percentile `w` can be had is decided greedily: polling oftener than `1/w` brings
    /// nothing, below that each poll a second takes `l w` of the rows a second out of those that
    /// wait too long, so polls are given to the busiest functions first, each up to `1/w`.
    pub fn best_p99(&self) -> f64 {
        if self.spare() <= 0.0 {
            return f64::INFINITY;
        }
        least(1.0 / self.seldomest(), |w| self.allows(w))
    }

    /// The 99th percentile, seconds, where frequencies go with the square root of the rate, which
    /// makes the mean wait the least: with the costs `f`, the mean `sum(l / 2f)` is least where
    /// all `l / f^2` are the same.
    pub fn square_root_p99(&self) -> f64 {
        if self.spare() <= 0.0 {
            return f64::INFINITY;
        }
        let frequencies = |c: f64| -> Vec<f64> {
            let of = |rate: &f64| (c * rate.sqrt()).clamp(self.seldomest(), 1.0 / self.interval);
            self.rates.iter().map(of).collect()
        };
        // More than enough for the slowest function to be polled at the interval.
        let slowest = self.rates.iter().copied().filter(|rate| *rate > 0.0);
        let slowest = slowest.fold(f64::INFINITY, f64::min);
        let (mut low, mut high) = (0.0, 1.0 / self.interval / slowest.sqrt());
        for _ in 0..HALVINGS {
            let middle = (low + high) / 2.0;
            match self.cost(&frequencies(middle)) <= self.requests {
                true => low = middle,
                false => high = middle,
            }
        }
        let frequencies = frequencies(low);
        least(1.0 / self.seldomest(), |w| {
            self.beyond(&frequencies, w) <= BEYOND
        })
    }

    /// Requests a second beyond those that the rows fill.
    fn spare(&self) -> f64 {
        self.requests - self.rates.iter().sum::<f64>() / self.page
    }

    /// The lowest frequency that a function is given.
    fn seldomest(&self) -> f64 {
        let shared = self.spare() / 2.0 / self.rates.len() as f64;
        (1.0 / SELDOM).min(shared).min(1.0 / self.interval)
    }

    fn allows(&self, w: f64) -> bool {
        let most = (1.0 / w.max(f64::MIN_POSITIVE)).min(1.0 / self.interval);
        let mut rates = self.rates.to_vec();
        rates.sort_by(|a, b| b.total_cmp(a));
        // What the rows themselves need is paid in any case.
        let mut frequencies: Vec<f64> = rates
            .iter()
            .map(|rate| (rate / self.page).min(most).max(self.seldomest()))
            .collect();
        let sorted = Budget {
            rates: &rates,
            ..*self
        };
        let mut left = self.requests - sorted.cost(&frequencies);
        for frequency in &mut frequencies {
            let more = (most - *frequency).clamp(0.0, left.max(0.0));
            *frequency += more;
            left -= more;
        }
        sorted.beyond(&frequencies, w) <= BEYOND
    }

    fn cost(&self, frequencies: &[f64]) -> f64 {
        let pairs = self.rates.iter().zip(frequencies);
        pairs.map(|(rate, f)| f.max(rate / self.page)).sum()
    }

    /// The part of all rows that wait longer than `w`.
    fn beyond(&self, frequencies: &[f64], w: f64) -> f64 {
        let pairs = self.rates.iter().zip(frequencies);
        let beyond: f64 = pairs.map(|(rate, f)| rate * (1.0 - w * f).max(0.0)).sum();
        beyond / self.rates.iter().sum::<f64>()
    }
}

/// The least value up to `most` that is enough, where all above an enough one are.
fn least(most: f64, is_enough: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (0.0, most);
    for _ in 0..HALVINGS {
        let middle = (low + high) / 2.0;
        match is_enough(middle) {
            true => high = middle,
            false => low = middle,
        }
    }
    high
}
