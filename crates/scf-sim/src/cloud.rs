//! The cloud as a function from state, time and request to a response.

mod api3;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};

use super::call::Service;
use super::cls;
use super::faults::{InjectedFault, ResponseSize, TooLarge};
use super::form::Params;
use super::gate::{Gate, Limiter};
use super::http::{Request, Response};
use super::keys::Keyring;
use super::metadata::{self, Metadata};
use super::problem::Problem;
use super::replay::ReplayLine;
use super::rng::{Rng, mix};
use super::scene::Scene;
use super::settings::Settings;
use super::sign::{Signed, v2_hosts};
use super::truth::{RowTruth, Truth};
use super::v2::{self, Api};
use super::world::World;

/// A simulated cloud. It holds no clock and does no I/O. The world is generated up to the times
/// that are passed in.
///
/// The caller decides the time. Going back in time is possible, but rebuilds the view.
pub struct Cloud {
    settings: Arc<Settings>,
    replayed: bool,
    scene: Mutex<Scene>,
    state: Mutex<ServerState>,
    logs: Mutex<cls::LogService>,
}

/// State that depends on earlier requests.
struct ServerState {
    keys: Keyring,
    gate: Gate,
    limiter: Limiter,
    metadata: Metadata,
    requests: u64,
}

/// One request, and what is decided before its parameters are read.
struct RequestContext<'a> {
    request: &'a Request,
    now_ms: i64,
    /// The same time by the API's own clock.
    clock_ms: i64,
    number: u64,
    delay: Duration,
    /// Number of rows in the response.
    rows: usize,
    rng: Rng,
}

/// The APIs that have signatures and faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Endpoint {
    V2,
    Api3,
}

const V2_PATH: &str = "/v2/index.php";
const API3_PATH: &str = "/";
const DATE_KEY: u64 = 0xDA7E_0000_0000_0000;
const REQUEST_KEY: u64 = 0x5EED_0000_0000_0000;

// === impl Cloud ===

impl Cloud {
    /// Creates a cloud whose world is generated from the seed.
    pub fn new(settings: Settings) -> Self {
        let settings = Arc::new(settings);
        let world = World::generated(Arc::clone(&settings));
        Self::over(world, settings, false)
    }

    /// Creates a cloud whose world consists of these rows. Faults apply, but each row specifies its
    /// own delay.
    pub fn with_replay(settings: Settings, lines: Vec<ReplayLine>) -> Self {
        let settings = Arc::new(settings);
        let world = World::replayed(Arc::clone(&settings), lines);
        Self::over(world, settings, true)
    }

    fn over(world: World, settings: Arc<Settings>, replayed: bool) -> Self {
        let state = ServerState {
            keys: Keyring::new(&settings),
            gate: Gate::default(),
            limiter: Limiter::new(settings.requests_per_second),
            metadata: Metadata::default(),
            requests: 0,
        };
        Self {
            settings,
            replayed,
            scene: Mutex::new(Scene::new(world)),
            state: Mutex::new(state),
            logs: Mutex::default(),
        }
    }

    /// Returns the settings of this cloud.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Returns how long after its shown start time a finished row may still appear, in
    /// milliseconds. Like [`Settings::longest_delay_ms`], but in a replay the rows decide.
    pub fn longest_delay_ms(&self) -> u64 {
        if self.replayed {
            self.scene().longest_wait_ms() + self.settings.lag_ms()
        } else {
            self.settings.longest_delay_ms()
        }
    }

    /// Answers one request at the time `now_ms`.
    pub fn handle(&self, now_ms: i64, request: &Request) -> Response {
        let clock_ms = self.settings.faults.by_skewed_clock(now_ms);
        let response = if request.path.starts_with(metadata::PREFIX) {
            self.respond_metadata(clock_ms, request)
        } else {
            match Endpoint::of(request) {
                Ok(endpoint) => self.respond(endpoint, now_ms, clock_ms, request),
                Err(page) => page,
            }
        };
        match self.shown_clock(clock_ms) {
            Some(shown_ms) => response.dated(shown_ms),
            None => response,
        }
    }

    /// Returns the clock that the response shows. It is drawn from a stream of its own, so that it
    /// changes no other fault.
    fn shown_clock(&self, clock_ms: i64) -> Option<i64> {
        let number = self.state().requests;
        let mut rng = Rng::keyed(mix(self.settings.seed, DATE_KEY), number);
        self.settings.faults.dated(clock_ms, &mut rng)
    }

    /// Returns what an exact reader has counted at `now_ms`: everything that is finished and
    /// visible.
    pub fn truth(&self, now_ms: i64) -> Truth {
        self.truth_before(now_ms, i64::MAX)
    }

    /// Returns the part of the truth at `now_ms` that became visible before `visible_before_ms`.
    pub fn truth_before(&self, now_ms: i64, visible_before_ms: i64) -> Truth {
        self.scene()
            .truth(&self.settings.region, now_ms, visible_before_ms)
    }

    /// Returns the rows that are visible at `now_ms`, became visible at `since_ms` or later, and
    /// can be counted.
    pub fn rows(&self, now_ms: i64, since_ms: i64) -> Vec<RowTruth> {
        self.scene().rows(now_ms, since_ms)
    }

    /// Returns the names of the functions that write to each log topic, by the topic's id.
    pub fn topics(&self) -> BTreeMap<String, Vec<String>> {
        let mut topics: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for function in &*self.scene().functions() {
            let names = topics.entry(function.topic_id.clone()).or_default();
            names.push(function.name.clone());
        }
        topics
    }

    /// Returns namespace and name of the function at a position in the world's order, as in the
    /// truth.
    pub fn name_of(&self, position: usize) -> Option<String> {
        let functions = self.scene().functions();
        let function = functions.get(position)?;
        Some(format!("{}/{}", function.namespace, function.name))
    }

    fn respond(
        &self,
        endpoint: Endpoint,
        now_ms: i64,
        clock_ms: i64,
        request: &Request,
    ) -> Response {
        let number = self.next_request();
        let mut rng = Rng::keyed(mix(self.settings.seed, REQUEST_KEY), number);
        let faults = &self.settings.faults;
        let since_start_ms = now_ms.saturating_sub(self.settings.start_ms);
        if faults.outages.is_some_and(|w| w.holds(since_start_ms)) {
            return Response::outage(&mut rng);
        }
        let delay = faults.delay(&mut rng);
        let mut context = RequestContext {
            request,
            now_ms,
            clock_ms,
            number,
            delay,
            rows: 0,
            rng,
        };
        let response = match endpoint {
            Endpoint::V2 => self
                .respond_v2(&mut context)
                .unwrap_or_else(|problem| Response::json(v2::error(&problem, self.settings.wire))),
            Endpoint::Api3 => self.respond_api3(&mut context),
        };
        let rows = u32::try_from(context.rows).unwrap_or(u32::MAX);
        let on_the_link = faults.row_delay.saturating_mul(rows);
        let by_proxy = faults.cut_at.filter(|at| *at < response.body.len());
        Response {
            delay: context.delay.saturating_add(on_the_link),
            cut_after: response.cut_after.or(by_proxy),
            ..response
        }
    }

    fn respond_v2(&self, context: &mut RequestContext<'_>) -> Result<Response, Problem> {
        let params = Params::parse(context.request.form())?;
        let action = self.admit_v2(context, &params)?;
        let fault = self.settings.faults.injected_fault(&mut context.rng);
        let answer = |context: &RequestContext<'_>, salt| {
            let api = Api {
                settings: &self.settings,
                scene: &self.scene,
                params: &params,
                now_ms: context.now_ms,
                salt,
            };
            api.answer(action)
        };
        self.perform(context, None, fault, answer, Response::json)
    }

    /// Performs an admitted action of `service`, or of v2, unless `fault` prevents it. `answer`
    /// takes the random number of the response, and returns a JSON object, of which `wrap` makes
    /// the response.
    fn perform<'r>(
        &self,
        context: &mut RequestContext<'r>,
        service: Option<Service>,
        fault: InjectedFault,
        answer: impl FnOnce(&RequestContext<'r>, u64) -> Result<(String, ResponseSize), Problem>,
        wrap: impl FnOnce(String) -> Response,
    ) -> Result<Response, Problem> {
        let salt = context.rng.next_u64();
        match fault {
            InjectedFault::Throttled { alternative } => {
                return Err(throttled(service, alternative, salt));
            }
            InjectedFault::Failed { alternative } => {
                return Err(failed(service, alternative, salt));
            }
            InjectedFault::BadGateway => return Ok(Response::bad_gateway()),
            InjectedFault::Empty => {
                let body = Vec::new();
                return Ok(Response {
                    body,
                    ..wrap(String::new())
                });
            }
            InjectedFault::Cut(_) | InjectedFault::None => {}
        }
        let faults = &self.settings.faults;
        let (object, size) = answer(context, salt)?;
        if let Some(why) = faults.too_large(size, object.len()) {
            return Err(too_large(service, why));
        }
        context.rows = size.rows;
        let response = wrap(faults.corrupt(size, object));
        Ok(match fault {
            InjectedFault::Cut(place) => response.cut(place),
            _ => response,
        })
    }

    /// Checks the request and returns its action. The identity comes first: a wrong key is reported
    /// whatever else is wrong.
    fn admit_v2(
        &self,
        context: &RequestContext<'_>,
        params: &Params,
    ) -> Result<&'static str, Problem> {
        let signed = Signed {
            method: &context.request.method,
            hosts: &v2_hosts(&context.request.host),
            path: &context.request.path,
            params,
        };
        let mut state = self.state();
        let ServerState { keys, gate, .. } = &mut *state;
        let key = gate.admit(keys, &signed, context.clock_ms)?;
        let action = v2::action(params)?;
        let is_fast = !state.limiter.take(key, action, context.now_ms);
        if is_fast || self.is_stormy(context.now_ms) {
            return Err(throttled(None, false, 0));
        }
        Ok(action)
    }

    /// Answers a request for machine metadata. The service runs on the machine's host, so no fault
    /// of the APIs applies.
    fn respond_metadata(&self, clock_ms: i64, request: &Request) -> Response {
        let number = self.next_request();
        let mut rng = Rng::keyed(mix(self.settings.seed, REQUEST_KEY), number);
        if rng.chance(self.settings.faults.metadata_errors) {
            return Response::html(500, "500 Internal Server Error");
        }
        let mut state = self.state();
        let ServerState { keys, metadata, .. } = &mut *state;
        metadata.answer(request, &self.settings.role, keys, clock_ms)
    }

    fn is_stormy(&self, now_ms: i64) -> bool {
        let since_start_ms = now_ms.saturating_sub(self.settings.start_ms);
        let storms = self.settings.faults.storms;
        storms.is_some_and(|w| w.holds(since_start_ms))
    }

    fn next_request(&self) -> u64 {
        let mut state = self.state();
        state.requests += 1;
        state.requests
    }

    fn scene(&self) -> MutexGuard<'_, Scene> {
        self.scene.lock()
    }

    fn state(&self) -> MutexGuard<'_, ServerState> {
        self.state.lock()
    }
}

// === impl Endpoint ===

impl Endpoint {
    /// Returns the API of a request, or the response of a gateway if it is for no API.
    fn of(request: &Request) -> Result<Self, Response> {
        let endpoint = match request.path.as_str() {
            V2_PATH => Self::V2,
            API3_PATH => Self::Api3,
            _ => return Err(Response::not_found()),
        };
        if ["GET", "POST"].contains(&request.method.as_str()) {
            Ok(endpoint)
        } else {
            Err(Response::wrong_method())
        }
    }
}

/// Returns an error from the vendor's lists: of the function API for a page, of all APIs for a
/// response, of the log service for a search. The legacy API has no specific code.
fn too_large(service: Option<Service>, why: TooLarge) -> Problem {
    let (code, text) = match (service, why) {
        (None, _) => return Problem::invalid("limit"),
        (Some(Service::Cls), _) => (
            "LimitExceeded.SearchResultTooLarge",
            "the result of the search is too large",
        ),
        (_, TooLarge::Rows) => ("InvalidParameterValue.Limit", "Limit is too large"),
        (_, TooLarge::Bytes) => (
            "ResponseSizeLimitExceeded",
            "the response exceeds the size that is allowed",
        ),
    };
    Problem::new(code, text)
}

fn throttled(service: Option<Service>, alternative: bool, salt: u64) -> Problem {
    const RELATIVES: [&str; 3] = [
        "RequestLimitExceeded.UinLimitExceeded",
        "RequestLimitExceeded.IPLimitExceeded",
        "RequestLimitExceeded.GlobalRegionUinLimitExceeded",
    ];
    Problem::throttled(match (service, alternative) {
        (_, false) => "RequestLimitExceeded",
        (None, true) => "QpsLimitExceeded",
        (Some(Service::Cls), true) => "FailedOperation.ReadQpsLimit",
        (_, true) => RELATIVES[(salt % 3) as usize],
    })
}

fn failed(service: Option<Service>, alternative: bool, salt: u64) -> Problem {
    const OF_LOGS: [&str; 3] = [
        "InternalError.ServerBusy",
        "InternalError.SearchFailed",
        "FailedOperation.SearchTimeout",
    ];
    Problem::internal(match (service, alternative) {
        (_, false) => "InternalError",
        (None, true) => "Maintenance",
        (Some(Service::Cls), true) => OF_LOGS[(salt % 3) as usize],
        (_, true) => "InternalError.System",
    })
}
