//! A function whose answers hang does not delay the others.

use std::sync::Arc;
use std::time::Duration;

use crate::support::cloud::InMemory;
use crate::support::world::World;
use scf_exporter::config::Overrides;
use scf_sim::Settings;
use tencentcloud::{BoxFuture, HttpRequest, HttpResponse, Transport, TransportError};

/// Passes requests on, but those that name one function never come back in time.
struct Hanging {
    inner: Arc<InMemory>,
    function: String,
}

impl Transport for Hanging {
    fn send<'a>(
        &'a self,
        request: HttpRequest,
    ) -> BoxFuture<'a, Result<HttpResponse, TransportError>> {
        Box::pin(async move {
            let form = String::from_utf8_lossy(&request.body).into_owned();
            if form
                .split('&')
                .any(|pair| pair == format!("functionName={}", self.function))
            {
                tokio::time::sleep(Duration::from_secs(30)).await;
                let limit = Duration::from_secs(30);
                return Err(TransportError::Timeout {
                    host: "sim.test".into(),
                    limit,
                });
            }
            self.inner.send(request).await
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_target_that_hangs_delays_no_other() {
    let settings = Settings {
        functions: 8,
        ..Settings::new(31)
    };
    let world = World::new(settings, Overrides::default());
    let key = |name: &str| format!("default/{name}");
    let named = world.truth().keys().next().unwrap().clone();
    let function = named.strip_prefix("default/").unwrap().to_owned();
    let transport = Hanging {
        inner: world.transport.clone(),
        function: function.clone(),
    };
    let exporter = world.start_through(Arc::new(transport)).await;
    tokio::time::sleep(Duration::from_secs(300)).await;

    // The default interval is 15 s, an idle target's a minute; a row takes up to 2 s to appear.
    let seen = world
        .cloud
        .truth_before(world.now_ms(), world.now_ms() - 65_000);
    let counted = exporter.counted();
    for truth in seen
        .functions
        .iter()
        .filter(|truth| truth.function_name != function)
    {
        let codes = counted.get(&key(&truth.function_name)).map(|sums| &sums.0);
        let count: u64 = codes.into_iter().flat_map(|codes| codes.values()).sum();
        assert!(
            count >= truth.count(),
            "{}: {count} of {}",
            truth.function_name,
            truth.count()
        );
    }
    assert!(
        counted[&key(&function)].0.is_empty(),
        "nothing could be read of {function}"
    );
    exporter.stop().await;
}
