//! When the committer commits.

use super::*;
use crate::commit::Rules;
use crate::runtime::{Runtime, spawn};
use crate::telemetry::BuildInfo;

fn function(name: &str) -> Vec<Listed> {
    vec![Listed {
        function: FunctionId::new("ap-x", "default", name),
        target: TargetId::region("ap-x"),
        about: None,
    }]
}

#[tokio::test(start_paused = true)]
async fn a_rush_is_committed_together_and_a_single_change_at_once() {
    let rules = Rules {
        functions: 10,
        several_accounts: false,
        late_after: Duration::from_secs(60),
        first_read: Duration::from_secs(60),
    };
    let telemetry = Arc::new(Telemetry::new(&BuildInfo::current()).unwrap());
    let (committer, writer, published) = Committer::new(
        Books::new(rules),
        Store::memory(),
        telemetry,
        Runtime::system(),
        ZeroFirst::new(Duration::ZERO, Vec::new()),
    );
    let task = spawn(committer.run());
    let generation = || published.load().generation;
    let (started, first) = (Instant::now(), generation());

    writer.known(function("a"), vec![]).await.unwrap();
    assert_eq!(started.elapsed(), Duration::ZERO, "after a rest");
    assert_eq!(generation(), first + 1);

    let (one, other) = tokio::join!(
        writer.known(function("b"), vec![]),
        writer.known(function("c"), vec![])
    );
    assert_eq!((one, other), (Ok(()), Ok(())));
    let waited = started.elapsed();
    // The timer of the runtime counts whole milliseconds.
    let most = COMMIT_GAP + Duration::from_millis(1);
    assert!((COMMIT_GAP..=most).contains(&waited), "{waited:?}");
    assert_eq!(generation(), first + 2, "one change for both");

    tokio::time::sleep(COMMIT_GAP).await;
    let later = Instant::now();
    writer.known(function("d"), vec![]).await.unwrap();
    assert_eq!(later.elapsed(), Duration::ZERO, "after a rest");
    drop(writer);
    task.await.unwrap();
}
