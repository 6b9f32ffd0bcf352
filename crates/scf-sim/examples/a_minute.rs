//! Simulates one minute and prints what happened: `a_minute [SEED]`. It uses no socket and does not
//! wait.

use scf_sim::{Cloud, Settings};

fn main() {
    let seed = std::env::args().nth(1).and_then(|text| text.parse().ok());
    let settings = Settings {
        functions: 6,
        rate_per_second: 5.0,
        ..Settings::new(seed.unwrap_or(1))
    };
    let start_ms = settings.start_ms;
    let cloud = Cloud::new(settings);
    let truth = cloud.truth(start_ms + 60_000);
    for (topic, functions) in cloud.topics() {
        println!("log topic {topic}: {}", functions.join(", "));
    }
    println!("{:#?}", truth.totals);
}
