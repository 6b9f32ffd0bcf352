//! Reading alone: one stream through the adapter, from recorded answers to rows that are dropped.

use std::sync::Arc;
use std::time::Duration;

use scf_exporter::config::{FunctionFilter, FunctionSelector, Read};
use scf_exporter::ingest::discovery::{FoundList, Lister};
use scf_exporter::ingest::{
    Flow, LogSource, Mode, PageSink, SourceScope, Span, cls::ClsSource, v2::V2Source, v3::V3Source,
};
use scf_exporter::ledger::TargetId;
use scf_exporter::model::{Page, Timestamp};
use scf_sim::Cloud;
use tencentcloud::runtime::Runtime;
use tencentcloud::secret::Secret;
use tencentcloud::{
    ApiError, BoxFuture, Client, ClientConfig, Credentials, Endpoint, Service, StaticProvider,
    Transport,
};

use super::world::{Meter, PAGE, World};
use super::{Failure, Spent};

/// Knows no functions: a stream that is named is read without.
struct NoFunctions;

/// Counts rows and drops them.
#[derive(Default)]
struct Dropped(usize);

pub fn run(world: &World) -> Result<Spent, Failure> {
    let answers = world.answers()?;
    let meter = Meter::start()?;
    let rows = read(world, World::replay(answers))?;
    meter.stop(rows)
}

/// Reads the whole day of one stream through `transport`; how many rows there were. On paused
/// time, so that no limit of requests is waited for, and the same answers mean the same requests.
pub fn read(world: &World, transport: Arc<dyn Transport>) -> Result<usize, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()?;
    let now = Timestamp::from_millis(world.now_ms);
    runtime.block_on(async {
        let (source, target) = source(world, transport)?;
        let span = Span {
            mode: Mode::Sweep,
            from: Timestamp::from_millis(world.first_ms()),
            closed: now,
            now,
            expected: 0,
        };
        let mut dropped = Dropped::default();
        source.read(&target, span, &mut dropped).await?;
        Ok(dropped.0)
    })
}

fn source(
    world: &World,
    transport: Arc<dyn Transport>,
) -> Result<(Box<dyn LogSource>, TargetId), Failure> {
    let settings = world.settings();
    let service = match &*world.api {
        "v2" => Service::V2,
        "v3" => Service::Scf,
        _ => Service::Cls,
    };
    let config = ClientConfig {
        endpoint: Endpoint::parse(service, "http://sim.test")?,
        ..ClientConfig::new(service, &*settings.region)
    };
    let key = Secret::new(settings.secret_key.clone());
    let credentials = Credentials::new(settings.secret_id.clone(), key, None, "the benchmark")?;
    let runtime = Runtime::simulated(Timestamp::from_millis(world.now_ms), 1);
    let provider = Arc::new(StaticProvider::new(credentials));
    let client = Client::new(config, provider, transport, runtime, Arc::new(()));
    let region = &*settings.region;
    let place = SourceScope {
        account: "".into(),
        region: region.into(),
        read: Read::Region,
        max_run_time: Duration::from_secs(60),
        delivery_delay: Duration::from_secs(60),
    };
    let (lister, wanted) = (Arc::new(NoFunctions), FunctionSelector::default());
    Ok(match &*world.api {
        "v2" => {
            let source = V2Source::new(client, place, FunctionFilter::default(), PAGE);
            (Box::new(source), TargetId::region(region))
        }
        "v3" => {
            let source = V3Source::new(client, lister, place, wanted, PAGE);
            (Box::new(source), TargetId::namespace(region, "default"))
        }
        _ => {
            let topics: Vec<_> = Cloud::new(settings.clone()).topics().into_keys().collect();
            let target = TargetId::topic(region, topics.first().ok_or("no topic")?);
            let source = ClsSource::new(client, lister, place, wanted, topics, PAGE);
            (Box::new(source), target)
        }
    })
}

impl Lister for NoFunctions {
    fn list(&self) -> BoxFuture<'_, Result<FoundList, ApiError>> {
        let (functions, complete) = (Vec::new(), None);
        Box::pin(async move {
            Ok(FoundList {
                functions,
                complete,
            })
        })
    }
}

impl PageSink for Dropped {
    fn put(&mut self, page: Page) -> BoxFuture<'_, Flow> {
        self.0 += page.rows.len();
        Box::pin(async { Flow::Continue })
    }

    fn reached(&mut self, _: Timestamp) -> BoxFuture<'_, Flow> {
        Box::pin(async { Flow::Continue })
    }
}
