//! The whole way of the data over a simulated cloud, and the comparison with its truth.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use scf_exporter::app::{BuildError, Dependencies, Pipeline, Running, StatusView};
use scf_exporter::config::{self, Api, Config, CredentialsConfig, Overrides};
use scf_exporter::exposition::{self, ExpositionOptions, Format};
use scf_exporter::model::Timestamp;
use scf_exporter::store::Disk;
use scf_exporter::telemetry::{Disposition, Telemetry};
use scf_exporter::web::View;
use scf_sim::{Cloud, FunctionTruth, Settings, Truth};
use tencentcloud::Transport;
use tencentcloud::runtime::{Clock, Runtime};
use tencentcloud::secret::Secret;

use super::cloud::InMemory;
use super::exposition::Exposition;

/// A cloud, and what an exporter needs to read it on paused time.
pub struct World {
    pub cloud: Arc<Cloud>,
    pub transport: Arc<InMemory>,
    /// By the right time.
    pub runtime: Runtime,
    /// The clock of the exporter's machine.
    pub machine: Arc<dyn Clock>,
    pub config: Config,
    /// The exporter's environment variables.
    pub environment: BTreeMap<String, String>,
    /// Where the state is, instead of the configured directory.
    pub disk: Option<Disk>,
}

/// An exporter at work in a world.
pub struct Exporter {
    pub running: Running,
    pub view: Arc<StatusView>,
    pub telemetry: Arc<Telemetry>,
}

/// What is compared: for each function invocations by code, microseconds run, milliseconds
/// billed, bytes used.
pub type Sums = BTreeMap<String, (BTreeMap<String, u64>, u128, u128, u128)>;

impl World {
    /// A world of these settings; its time begins now and passes with tokio's.
    pub fn new(settings: Settings, overrides: Overrides) -> Self {
        let runtime = Runtime::simulated(Timestamp::from_millis(settings.start_ms), settings.seed);
        let late = Duration::from_millis(settings.longest_delay_ms());
        let cloud = Arc::new(Cloud::new(settings));
        Self::over(cloud, runtime, late, overrides)
    }

    /// The same over a cloud that is there already.
    pub fn over(
        cloud: Arc<Cloud>,
        runtime: Runtime,
        allowed_lateness: Duration,
        overrides: Overrides,
    ) -> Self {
        let transport = InMemory::new(cloud.clone(), runtime.clock.clone());
        let mut config = config::load(
            None,
            &with_defaults(overrides, &cloud, allowed_lateness),
            &|_| None,
        )
        .unwrap_or_else(|faults| panic!("{faults}"));
        config.sources[0].credentials = CredentialsConfig::Explicit {
            secret_id: cloud.settings().secret_id.clone(),
            secret_key: Secret::new(cloud.settings().secret_key.clone()),
            token: None,
        };
        Self {
            cloud,
            transport,
            machine: runtime.clock.clone(),
            runtime,
            config,
            environment: BTreeMap::new(),
            disk: None,
        }
    }

    /// Starts an exporter over the configured state.
    pub async fn start(&self) -> Exporter {
        Exporter::of(self.build().await.unwrap_or_else(|error| panic!("{error}")))
    }

    /// The same after a kill: what was killed may hold the state for a moment still.
    pub async fn start_after_kill(&self) -> Exporter {
        for _ in 0..1_000 {
            if let Ok(pipeline) = self.build().await {
                return Exporter::of(pipeline);
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        self.start().await
    }

    /// Starts an exporter whose requests go through `transport`.
    pub async fn start_through(&self, transport: Arc<dyn Transport>) -> Exporter {
        let built = self.build_through(transport).await;
        Exporter::of(built.unwrap_or_else(|error| panic!("{error}")))
    }

    async fn build(&self) -> Result<Pipeline, BuildError> {
        self.build_through(self.transport.clone()).await
    }

    async fn build_through(&self, transport: Arc<dyn Transport>) -> Result<Pipeline, BuildError> {
        let variables = self.environment.clone();
        let dependencies = Dependencies {
            runtime: self.runtime.clone().by_clock(self.machine.clone()),
            transport,
            environment: Arc::new(move |name| variables.get(name).cloned()),
            disk: self.disk.clone(),
        };
        Pipeline::build(&self.config, dependencies).await
    }

    /// Lets time pass, in steps of half a minute and at most half an hour, until `exporter` has
    /// counted the truth.
    pub async fn until_exact(&self, exporter: &Exporter) {
        for _ in 0..60 {
            if exporter.counted() == self.truth() {
                return;
            }
            tokio::time::sleep(Duration::from_secs(30)).await;
        }
    }

    /// That `exporter` has counted the truth, called no row late or invalid, and stays so.
    pub async fn assert_exact(&self, exporter: &Exporter, what: &str) {
        self.until_exact(exporter).await;
        assert_equal(&exporter.counted(), &self.truth(), what);
        tokio::time::sleep(Duration::from_secs(200)).await;
        assert_equal(&exporter.counted(), &self.truth(), what);
        let dispositions = exporter.dispositions();
        for nothing in ["late", "invalid"] {
            assert_eq!(dispositions[nothing], 0, "{what}: {dispositions:?}");
        }
    }

    pub fn now_ms(&self) -> i64 {
        self.runtime.now().as_millis()
    }

    /// What an exact reader has counted by now, if it has read all through the configured API.
    pub fn truth(&self) -> Sums {
        let truth = self.cloud.truth(self.now_ms());
        sums_of(&truth, self.config.sources[0].api)
    }
}

/// That both are equal; else the functions that differ, with the number of invocations.
pub fn assert_equal(counted: &Sums, truth: &Sums, what: &str) {
    let total = |sums: &Sums, name: &str| {
        let codes = sums
            .get(name)
            .map(|(codes, ..)| codes.values().sum::<u64>());
        codes.unwrap_or_default()
    };
    let names: BTreeSet<&String> = counted.keys().chain(truth.keys()).collect();
    let differ = names
        .into_iter()
        .filter(|name| counted.get(*name) != truth.get(*name));
    let told: Vec<String> = differ
        .map(|name| {
            format!(
                "{name}: counted {} of {}",
                total(counted, name),
                total(truth, name)
            )
        })
        .collect();
    assert!(told.is_empty(), "{what}: {told:#?}");
}

/// The comparable part of a truth, as `api` tells it. v2 knows no namespaces; a log topic has
/// status codes, whole milliseconds, and bills them as they are.
pub fn sums_of(truth: &Truth, api: Api) -> Sums {
    let function = |function: &FunctionTruth| {
        let codes: Vec<(String, u64)> = match api {
            Api::Cls => texts(&function.statuses),
            Api::V2 | Api::V3 => texts(&function.invocations),
        };
        let (us, ms) = match api {
            Api::Cls => (function.cls_duration_ms * 1_000, function.cls_duration_ms),
            Api::V2 | Api::V3 => (function.duration_us, function.billed_ms),
        };
        let namespace = match api {
            Api::V2 => "default",
            Api::V3 | Api::Cls => &function.namespace,
        };
        let sums = (
            codes.into_iter().filter(|(_, count)| *count > 0).collect(),
            u128::from(us),
            u128::from(ms),
            u128::from(function.mem_bytes),
        );
        (format!("{namespace}/{}", function.function_name), sums)
    };
    truth.functions.iter().map(function).collect()
}

fn texts<K: ToString>(counts: &BTreeMap<K, u64>) -> Vec<(String, u64)> {
    let texts = counts
        .iter()
        .map(|(code, count)| (code.to_string(), *count));
    texts.collect()
}

impl Exporter {
    fn of(pipeline: Pipeline) -> Self {
        let (view, telemetry) = (pipeline.view.clone(), pipeline.telemetry.clone());
        Self {
            running: pipeline.start(),
            view,
            telemetry,
        }
    }

    /// Ends it in the middle of whatever it does.
    pub fn kill(self) {
        drop(self.running);
    }

    /// What a scrape shows.
    pub fn scrape(&self) -> Exposition {
        let (snapshot, own) = (self.view.snapshot(), self.telemetry.gather());
        let text = exposition::render(Format::Text, ExpositionOptions::default(), &snapshot, &own);
        Exposition::parse(&String::from_utf8(text).unwrap()).unwrap()
    }

    /// What was counted.
    pub fn counted(&self) -> Sums {
        let mut sums = Sums::new();
        for series in &self.view.snapshot().series {
            let mut codes: BTreeMap<String, u64> = BTreeMap::new();
            for code in series.codes.iter().filter(|code| code.count > 0) {
                *codes.entry(code.ret_code.to_string()).or_default() += code.count;
            }
            let total: u64 = codes.values().sum();
            for histogram in [&series.duration, &series.billed, &series.memory] {
                assert_eq!(histogram.count(), total, "{}", series.function);
            }
            assert_eq!(series.duration.sum() % 1_000, 0, "microseconds are exact");
            let sum = (
                codes,
                series.duration.sum() / 1_000,
                series.billed.sum() / 1_000_000,
                series.memory.sum(),
            );
            let function = &series.function;
            sums.insert(format!("{}/{}", function.namespace, function.name), sum);
        }
        sums
    }

    /// Rows by disposition, as the exporter's own metrics tell them.
    pub fn dispositions(&self) -> BTreeMap<String, u64> {
        dispositions_of(&self.telemetry)
    }

    pub async fn stop(self) {
        self.running.stop(Duration::from_secs(60)).await;
    }
}

/// The overrides that choose an API and a way of reading.
pub fn through(api: &str, read: Option<&str>) -> Overrides {
    Overrides::default()
        .with("sources[].api", Some(api.to_owned()))
        .with("sources[].read", read.map(str::to_owned))
}

fn with_defaults(overrides: Overrides, cloud: &Cloud, allowed_lateness: Duration) -> Overrides {
    let text = |value: &str| Some(value.to_owned());
    let secs = |span: Duration| Some(format!("{}s", span.as_secs() + 1));
    let delivery = Duration::from_millis(cloud.settings().faults.max_delivery_ms());
    let is_cls = overrides.get("sources[].api") == ["cls"];
    let by_function = (!is_cls).then(|| "function".to_owned());
    overrides
        .or("state.path", text(""))
        // What is counted is to be seen at once, but for the test of this.
        .or("web.zero_first", text("0s"))
        .or("poll.max_run_time", secs(allowed_lateness))
        .or("poll.delivery_delay", secs(delivery))
        .or("limits.requests_per_second", text("1000"))
        .or("sources[].api", text("v2"))
        .or("sources[].read", by_function)
        .with("sources[].region", [cloud.settings().region.clone()])
        .with("sources[].endpoint", text("http://sim.test"))
}

/// The state directory as an override.
pub fn state_in(directory: &Path) -> Option<String> {
    Some(directory.display().to_string())
}

/// Rows by disposition since the start, those of sources included that are no longer read.
pub fn dispositions_of(telemetry: &Telemetry) -> BTreeMap<String, u64> {
    let of = |one: Disposition| (one.as_str().to_owned(), telemetry.recorded(one));
    Disposition::ALL.map(of).into()
}
