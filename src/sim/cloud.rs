//! The cloud as a plain function: state, instant and request in, response out.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::faults::Mishap;
use super::form::Params;
use super::gate::{Gate, Limiter};
use super::refusal::Refusal;
use super::replay::ReplayLine;
use super::rng::{Rng, mix};
use super::scene::Scene;
use super::settings::Settings;
use super::sign::Signed;
use super::truth::Truth;
use super::v2::{self, Action, Api};
use super::world::World;

/// A simulated cloud. Holds no clock and does no I/O; the world is generated up to the instants
/// that it is asked about.
///
/// Instants are the caller's. Going back in time works but costs a rebuild of the view.
#[derive(Debug)]
pub struct Cloud {
    settings: Arc<Settings>,
    replayed: bool,
    scene: Mutex<Scene>,
    desk: Mutex<Desk>,
}

/// An HTTP request, taken apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// Method in capitals.
    pub method: String,
    /// Path without the query.
    pub path: String,
    /// Query as sent, without the question mark.
    pub query: String,
    /// The Host header, with its port.
    pub host: String,
    /// All headers.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
}

/// An HTTP response, and how it is delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Headers; the length is left to the server.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
    /// How long the server waits first.
    pub delay: Duration,
    /// The connection breaks after so many bytes of the body.
    pub cut_after: Option<usize>,
}

/// What the cloud remembers of requests.
#[derive(Debug)]
struct Desk {
    gate: Gate,
    limiter: Limiter,
    requests: u64,
}

const V2_PATH: &str = "/v2/index.php";
const REQUEST_KEY: u64 = 0x5EED_0000_0000_0000;

// === impl Cloud ===

impl Cloud {
    /// A cloud whose world follows the seed.
    pub fn new(settings: Settings) -> Self {
        let settings = Arc::new(settings);
        let world = World::generated(Arc::clone(&settings));
        Self::over(world, settings, false)
    }

    /// A cloud whose world is exactly these rows. Faults apply as ever, except that each row says
    /// for itself how late it is.
    pub fn with_replay(settings: Settings, lines: Vec<ReplayLine>) -> Self {
        let settings = Arc::new(settings);
        let world = World::replayed(Arc::clone(&settings), lines);
        Self::over(world, settings, true)
    }

    fn over(world: World, settings: Arc<Settings>, replayed: bool) -> Self {
        let desk = Desk {
            gate: Gate::new(&settings),
            limiter: Limiter::new(settings.requests_per_second),
            requests: 0,
        };
        Self {
            settings,
            replayed,
            scene: Mutex::new(Scene::new(world)),
            desk: Mutex::new(desk),
        }
    }

    /// The settings it was made with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// How long after the start time that it shows a finished row may still appear, milliseconds.
    /// As [`Settings::horizon_ms`], but of a replay the rows decide.
    pub fn horizon_ms(&self) -> u64 {
        if self.replayed {
            self.scene().longest_wait_ms() + self.settings.lag_ms()
        } else {
            self.settings.horizon_ms()
        }
    }

    /// Answers one request at the instant `now_ms`.
    pub fn handle(&self, now_ms: i64, request: &Request) -> Response {
        if let Some(response) = misrouted(request) {
            return response;
        }
        let number = self.next_request();
        let mut rng = Rng::keyed(mix(self.settings.seed, REQUEST_KEY), number);
        let since_start_ms = now_ms.saturating_sub(self.settings.start_ms);
        if self
            .settings
            .faults
            .outages
            .is_some_and(|w| w.holds(since_start_ms))
        {
            return Response::outage(&mut rng);
        }
        let delay = self.settings.faults.delay(&mut rng);
        let response = self
            .attend(now_ms, request, &mut rng)
            .unwrap_or_else(|refusal| {
                Response::json(v2::refusal_body(&refusal, self.settings.wire))
            });
        Response { delay, ..response }
    }

    /// What an exact reader has counted at `now_ms`: all that is finished and visible.
    pub fn truth(&self, now_ms: i64) -> Truth {
        self.truth_before(now_ms, i64::MAX)
    }

    /// The part of the truth at `now_ms` that became visible before `visible_before_ms`.
    pub fn truth_before(&self, now_ms: i64, visible_before_ms: i64) -> Truth {
        self.scene()
            .truth(&self.settings.region, now_ms, visible_before_ms)
    }

    fn attend(&self, now_ms: i64, request: &Request, rng: &mut Rng) -> Result<Response, Refusal> {
        // A POST is read from its form alone, a GET from its query alone.
        let wire = if request.method == "POST" {
            &request.body
        } else {
            request.query.as_bytes()
        };
        let params = Params::parse(wire).map_err(|_| Refusal::parameter("too many parameters"))?;
        let action = self.admit(now_ms, request, &params)?;
        let mishap = self.settings.faults.mishap(rng);
        match mishap {
            Mishap::Throttled { alternative: false } => return Err(Refusal::throttled()),
            Mishap::Throttled { alternative: true } => return Err(Refusal::throttled_by_qps()),
            Mishap::Failed { alternative: false } => return Err(Refusal::internal()),
            Mishap::Failed { alternative: true } => return Err(Refusal::maintenance()),
            Mishap::BadGateway => return Ok(Response::bad_gateway()),
            Mishap::Empty => return Ok(Response::json(String::new())),
            Mishap::Cut(_) | Mishap::None => {}
        }
        let api = Api {
            settings: &self.settings,
            scene: &self.scene,
            params: &params,
            now_ms,
            salt: rng.next_u64(),
        };
        let mut response = Response::json(api.answer(action)?);
        if let Mishap::Cut(place) = mishap {
            response.cut_after = Some((response.body.len() * usize::from(place)) >> 16);
        }
        Ok(response)
    }

    /// Identity first: a wrong key is told so whatever else goes wrong.
    fn admit(&self, now_ms: i64, request: &Request, params: &Params) -> Result<Action, Refusal> {
        let signed = Signed {
            method: &request.method,
            host: &request.host,
            path: &request.path,
            params,
        };
        let clock_ms = now_ms.saturating_add(self.settings.faults.clock_skew_ms);
        let mut desk = self.desk();
        let key = desk.gate.admit(&signed, clock_ms)?;
        let action = Action::of(params)?;
        desk.limiter.take(key, action.name(), now_ms)?;
        let since_start_ms = now_ms.saturating_sub(self.settings.start_ms);
        if self
            .settings
            .faults
            .storms
            .is_some_and(|w| w.holds(since_start_ms))
        {
            return Err(Refusal::throttled());
        }
        Ok(action)
    }

    fn next_request(&self) -> u64 {
        let mut desk = self.desk();
        desk.requests += 1;
        desk.requests
    }

    fn scene(&self) -> MutexGuard<'_, Scene> {
        self.scene.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The answer to a request that is for no API of this cloud.
fn misrouted(request: &Request) -> Option<Response> {
    if request.path != V2_PATH {
        return Some(Response::html(404, "404 Not Found"));
    }
    let known = ["GET", "POST"].contains(&request.method.as_str());
    (!known).then(|| Response::html(405, "405 Method Not Allowed"))
}

// === impl Response ===

impl Response {
    fn new(status: u16, content_type: &str, body: Vec<u8>) -> Self {
        Self {
            status,
            headers: vec![("Content-Type".to_owned(), content_type.to_owned())],
            body,
            delay: Duration::ZERO,
            cut_after: None,
        }
    }

    /// The API's own answers, errors too, have HTTP status 200.
    fn json(body: String) -> Self {
        Self::new(200, "application/json; charset=utf-8", body.into_bytes())
    }

    fn html(status: u16, title: &str) -> Self {
        let page = format!(
            "<html>\r\n<head><title>{title}</title></head>\r\n\
             <body><center><h1>{title}</h1></center><hr></body>\r\n</html>\r\n"
        );
        Self::new(status, "text/html", page.into_bytes())
    }

    fn bad_gateway() -> Self {
        Self::html(502, "502 Bad Gateway")
    }

    /// In an outage a gateway answers, or nobody does.
    fn outage(rng: &mut Rng) -> Self {
        let page = Self::html(503, "503 Service Temporarily Unavailable");
        let cut_after = rng.chance(0.5).then_some(0);
        Self { cut_after, ..page }
    }
}
