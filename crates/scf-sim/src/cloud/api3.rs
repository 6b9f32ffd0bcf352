//! Identity, permission and injected faults of API 3.0, for all services.

use std::cell::Cell;
use std::time::Duration;

use super::{Cloud, RequestContext, ServerState};
use crate::call::{Call, Proof, Service};
use crate::cls;
use crate::faults::{InjectedFault, ResponseSize, TooLarge};
use crate::hosts::signed_hosts;
use crate::http::Response;
use crate::json::{Object, quoted};
use crate::problem::Problem;
use crate::problems;
use crate::rng::mix;
use crate::sign::Signed;
use crate::sts;
use crate::v3::{self, Fields};

/// A parsed action.
enum Task {
    Functions(v3::Action),
    /// The log service parses its actions itself.
    Logs,
    Keys(sts::Action),
}

const REQUEST_ID_KEY: u64 = 0x1D;
/// Maximum difference between a request's timestamp and the API's clock, in seconds.
const SIGNATURE_SKEW_S: i64 = 300;

// === impl Cloud ===

impl Cloud {
    pub(super) fn respond_api3(&self, context: &mut RequestContext<'_>) -> Response {
        let request_id = request_id(self.settings.seed, context.number);
        let refuse = |problem: Problem| {
            Response::bare_json(if self.settings.api3.legacy_errors {
                legacy_error(&problem)
            } else {
                error(&problem, &request_id)
            })
        };
        let call = match Call::read(context.request) {
            Ok(call) => call,
            Err(problem) => return refuse(problem),
        };
        let response = self
            .try_api3(context, &call, &request_id)
            .unwrap_or_else(refuse);
        // Of these services only CLS documents compression.
        if call.service == Service::Cls && context.request.accepts_gzip() {
            response.gzipped()
        } else {
            response
        }
    }

    fn try_api3(
        &self,
        context: &mut RequestContext<'_>,
        call: &Call,
        request_id: &str,
    ) -> Result<Response, Problem> {
        // The identity comes first: a wrong key is reported whatever else is wrong.
        let key = self.identify(context, call)?;
        let task = self.admit(context, call, key)?;
        if matches!(task, Task::Logs) {
            let least = Duration::from_millis(self.settings.cls.query_ms);
            context.delay = context.delay.max(least);
        }
        let injected_fault = self.injected_fault(context, &task);
        let salt = context.rng.next_u64();
        match injected_fault {
            InjectedFault::Throttled { alternative } => {
                return Err(throttled(call.service, alternative, salt));
            }
            InjectedFault::Failed { alternative } => {
                return Err(failed(call.service, alternative, salt));
            }
            InjectedFault::BadGateway => return Ok(Response::bad_gateway()),
            InjectedFault::Empty => return Ok(Response::bare_json(String::new())),
            InjectedFault::Cut(_) | InjectedFault::None => {}
        }
        let (inside, weight) = self.perform(context, call, task, salt)?;
        if let Some(why) = self.settings.faults.too_large(weight, inside.len()) {
            return Err(too_large(call.service, why));
        }
        context.rows = weight.rows;
        let inside = self.settings.faults.corrupt(weight, inside);
        let response = Response::bare_json(envelope(&inside, request_id));
        Ok(match injected_fault {
            InjectedFault::Cut(place) => response.cut(place),
            _ => response,
        })
    }

    /// Returns the serial number of the key that signed; `None` if the action needs no signature.
    fn identify(&self, context: &RequestContext<'_>, call: &Call) -> Result<Option<u64>, Problem> {
        let secret_id = match &call.proof {
            Proof::Tc3(parsed) => &parsed.secret_id,
            Proof::Form(form) => form.get("SecretId").unwrap_or_default(),
            Proof::Skipped => {
                let open = call.service == Service::Sts
                    && sts::Action::named(&call.action).is_some_and(sts::Action::is_open);
                return if open {
                    Ok(None)
                } else {
                    Err(problems::bad_authorization("this action needs a signature"))
                };
            }
        };
        let state = self.state();
        let key = state.keys.get(secret_id, context.clock_ms);
        let key = key.ok_or_else(problems::unknown_id)?;
        if !self.is_signed(context, call, &key.secret_key) {
            return Err(problems::bad_signature());
        }
        let off_s = context.clock_ms.div_euclid(1_000).abs_diff(call.timestamp);
        if i64::try_from(off_s).map_or(true, |off_s| off_s > SIGNATURE_SKEW_S) {
            return Err(problems::expired_signature(SIGNATURE_SKEW_S));
        }
        key.check_token(call.token.as_deref(), context.clock_ms)
            .map_err(problems::bad_token)?;
        Ok(Some(key.serial))
    }

    fn is_signed(&self, context: &RequestContext<'_>, call: &Call, secret_key: &str) -> bool {
        let request = context.request;
        let region = &self.settings.region;
        let hosts = signed_hosts(&request.host, call.service.name(), region);
        match &call.proof {
            Proof::Tc3(parsed) => parsed.is_valid(request, call.timestamp, &hosts, secret_key),
            Proof::Form(params) => {
                let signed = Signed {
                    method: &request.method,
                    hosts: &hosts,
                    path: &request.path,
                    params,
                };
                signed.is_valid(secret_key)
            }
            Proof::Skipped => false,
        }
    }

    /// Checks that the key may perform the action now, and returns the action.
    fn admit(
        &self,
        context: &RequestContext<'_>,
        call: &Call,
        key: Option<u64>,
    ) -> Result<Task, Problem> {
        let service = call.service;
        if call.version != service.version() {
            return Err(problems::no_version());
        }
        let unknown = || problems::no_action(service.name());
        let task = match service {
            Service::Scf => Task::Functions(v3::Action::named(&call.action).ok_or_else(unknown)?),
            Service::Cls => Task::Logs,
            Service::Sts => Task::Keys(sts::Action::named(&call.action).ok_or_else(unknown)?),
        };
        let (settings, knobs) = (&self.settings, &self.settings.api3);
        let elsewhere = call.region.as_ref().is_some_and(|r| *r != settings.region);
        // Temporary keys are valid in all regions.
        if elsewhere && service != Service::Sts {
            return Err(problems::wrong_region(&settings.region));
        }
        if knobs.logs_offline && matches!(task, Task::Functions(v3::Action::GetFunctionLogs)) {
            return Err(problems::offline());
        }
        if knobs.denied_actions.contains(&call.action) {
            return Err(problems::denied(service.name(), &call.action));
        }
        let bucket = format!("{}:{}", service.name(), call.action);
        let taken = key.is_none_or(|key| self.state().limiter.take(key, &bucket, context.now_ms));
        if !taken || (service != Service::Sts && self.is_stormy(context.now_ms)) {
            return Err(problems::throttled());
        }
        Ok(task)
    }

    fn injected_fault(&self, context: &mut RequestContext<'_>, task: &Task) -> InjectedFault {
        let faults = &self.settings.faults;
        if !matches!(task, Task::Keys(_)) {
            return faults.injected_fault(&mut context.rng);
        }
        if context.rng.chance(faults.sts_errors) {
            InjectedFault::Failed { alternative: false }
        } else {
            InjectedFault::None
        }
    }

    /// Returns the content of `Response`, and what it contains.
    fn perform(
        &self,
        context: &RequestContext<'_>,
        call: &Call,
        task: Task,
        salt: u64,
    ) -> Result<(String, ResponseSize), Problem> {
        match task {
            Task::Functions(action) => {
                let api = v3::Api {
                    settings: &self.settings,
                    scene: &self.scene,
                    params: &call.params,
                    now_ms: context.now_ms,
                    salt,
                    weight: Cell::default(),
                };
                Ok((api.answer(action)?, api.weight.get()))
            }
            Task::Logs => {
                let ask = cls::LogRequest {
                    settings: &self.settings,
                    scene: &self.scene,
                    state: &self.logs,
                    now_ms: context.now_ms,
                    delay_ms: u64::try_from(context.delay.as_millis()).unwrap_or(u64::MAX),
                    salt,
                    action: &call.action,
                    params: &call.params,
                    weight: Cell::default(),
                };
                Ok((cls::answer(&ask)?, ask.weight.get()))
            }
            Task::Keys(action) => {
                let fields = Fields(&call.params);
                let ServerState { keys, .. } = &mut *self.state();
                let answer =
                    sts::answer(action, fields, &self.settings.role, keys, context.clock_ms)?;
                Ok((answer, ResponseSize::default()))
            }
        }
    }
}

/// Returns an error from the vendor's lists: of the function API for a page, of all APIs for a
/// response, of the log service for a search.
fn too_large(service: Service, why: TooLarge) -> Problem {
    match (service, why) {
        (Service::Cls, _) => problems::new(
            "LimitExceeded.SearchResultTooLarge",
            "the result of the search is too large",
        ),
        (_, TooLarge::Rows) => problems::new("InvalidParameterValue.Limit", "Limit is too large"),
        (_, TooLarge::Bytes) => problems::new(
            "ResponseSizeLimitExceeded",
            "the response exceeds the size that is allowed",
        ),
    }
}

fn throttled(service: Service, alternative: bool, salt: u64) -> Problem {
    const RELATIVES: [&str; 3] = [
        "RequestLimitExceeded.UinLimitExceeded",
        "RequestLimitExceeded.IPLimitExceeded",
        "RequestLimitExceeded.GlobalRegionUinLimitExceeded",
    ];
    match (service, alternative) {
        (_, false) => problems::throttled(),
        (Service::Cls, true) => problems::throttled_as("FailedOperation.ReadQpsLimit"),
        (_, true) => problems::throttled_as(RELATIVES[(salt % 3) as usize]),
    }
}

fn failed(service: Service, alternative: bool, salt: u64) -> Problem {
    const OF_LOGS: [&str; 3] = [
        "InternalError.ServerBusy",
        "InternalError.SearchFailed",
        "FailedOperation.SearchTimeout",
    ];
    match (service, alternative) {
        (_, false) => problems::internal(),
        (Service::Cls, true) => problems::internal_as(OF_LOGS[(salt % 3) as usize]),
        (_, true) => problems::internal_as("InternalError.System"),
    }
}

/// Returns the JSON object `inside` with the request id appended.
fn envelope(inside: &str, request_id: &str) -> String {
    let open = inside.strip_suffix('}').unwrap_or(inside);
    let comma = if open == "{" { "" } else { "," };
    let id = quoted(request_id);
    format!(r#"{{"Response":{open}{comma}"RequestId":{id}}}}}"#)
}

fn error(problem: &Problem, request_id: &str) -> String {
    let mut inside = String::new();
    let mut object = Object::open(&mut inside);
    object.nested("Error", |out| {
        let mut error = Object::open(out);
        error
            .text("Code", problem.code)
            .text("Message", &problem.message);
        error.close();
    });
    object.close();
    envelope(&inside, request_id)
}

/// Returns an error in the legacy format, which the vendor's Go client also accepts from API 3.0.
fn legacy_error(problem: &Problem) -> String {
    let class = problem.code.split('.').next().unwrap_or_default();
    let code = match class {
        "AuthFailure" => 4100,
        "UnauthorizedOperation" => 4101,
        "RequestLimitExceeded" => 4400,
        "ResourceNotFound" => 5000,
        "InternalError" => 6000,
        "FailedOperation" => 5100,
        _ => 4000,
    };
    let mut out = String::new();
    let mut body = Object::open(&mut out);
    body.raw("code", code)
        .text("message", &problem.message)
        .text("codeDesc", problem.code);
    body.close();
    out
}

/// Returns a version 4 UUID for the request.
fn request_id(seed: u64, number: u64) -> String {
    let high = mix(mix(seed, REQUEST_ID_KEY), number);
    let low = mix(high, number);
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xFFFF,
        high & 0xFFF,
        low >> 48 & 0x3FFF | 0x8000,
        low & 0xFFFF_FFFF_FFFF
    )
}
