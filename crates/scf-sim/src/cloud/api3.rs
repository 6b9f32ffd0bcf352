//! Identity, permission and injected faults of API 3.0, for all services.

use std::time::Duration;

use super::{Cloud, RequestContext, ServerState, throttled};
use crate::call::{Call, Proof, Service};
use crate::cls;
use crate::faults::{InjectedFault, ResponseSize};
use crate::hosts::signed_hosts;
use crate::http::Response;
use crate::json::{Object, quoted};
use crate::problem::Problem;
use crate::rng::mix;
use crate::sign::Signed;
use crate::sts;
use crate::v3::{self, Fields};

const REQUEST_ID_KEY: u64 = 0x1D;
/// Maximum difference between a request's timestamp and the API's clock, in seconds.
const SIGNATURE_SKEW_S: i64 = 300;

// === impl Cloud ===

impl Cloud {
    pub(super) fn respond_api3(&self, context: &mut RequestContext<'_>) -> Response {
        let request_id = request_id(self.settings.seed, context.number);
        let refuse = |problem: Problem| Response::bare_json(error(&problem, &request_id));
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
        self.admit(context, call, key)?;
        if call.service == Service::Cls {
            let least = Duration::from_millis(self.settings.cls.query_ms);
            context.delay = context.delay.max(least);
        }
        let fault = self.injected_fault(context, call.service);
        let answer = |context: &RequestContext<'_>, salt| self.answer(context, call, salt);
        let wrap = |object: String| Response::bare_json(envelope(&object, request_id));
        self.perform(context, Some(call.service), fault, answer, wrap)
    }

    /// Returns the serial number of the key that signed; `None` if the action needs no signature.
    fn identify(&self, context: &RequestContext<'_>, call: &Call) -> Result<Option<u64>, Problem> {
        let secret_id = match &call.proof {
            Proof::Tc3(parsed) => &parsed.secret_id,
            Proof::Form(form) => form.get("SecretId").unwrap_or_default(),
            Proof::Skipped if sts::is_open(call) => return Ok(None),
            Proof::Skipped => {
                return Err(Problem::bad_authorization("this action needs a signature"));
            }
        };
        let state = self.state();
        let key = state.keys.get(secret_id, context.clock_ms);
        let key = key.ok_or_else(Problem::unknown_id)?;
        if !self.is_signed(context, call, &key.secret_key) {
            return Err(Problem::bad_signature());
        }
        let off_s = context.clock_ms.div_euclid(1_000).abs_diff(call.timestamp);
        if i64::try_from(off_s).map_or(true, |off_s| off_s > SIGNATURE_SKEW_S) {
            let text = format!("the timestamp is more than {SIGNATURE_SKEW_S} seconds off");
            return Err(Problem::new("AuthFailure.SignatureExpire", text));
        }
        key.check_token(call.token.as_deref(), context.clock_ms)?;
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

    /// Checks that the action exists, and that the key may perform it now.
    fn admit(
        &self,
        context: &RequestContext<'_>,
        call: &Call,
        key: Option<u64>,
    ) -> Result<(), Problem> {
        let (service, action) = (call.service, &call.action);
        let (name, region) = (service.name(), &self.settings.region);
        if call.version != service.version() {
            return Err(Problem::unknown_version());
        }
        if !service.actions().contains(&action.as_str()) {
            let text = format!("service {name} has no such action");
            return Err(Problem::new("InvalidAction", text));
        }
        let elsewhere = call.region.as_ref().is_some_and(|asked| asked != region);
        // Temporary keys are valid in all regions.
        if elsewhere && service != Service::Sts {
            let text = format!("the region is not supported; only {region} is simulated");
            return Err(Problem::new("UnsupportedRegion", text));
        }
        if self.settings.api3.logs_offline && action == "GetFunctionLogs" {
            let text = "the action has been taken offline";
            return Err(Problem::new("ActionOffline", text));
        }
        if self.settings.api3.denied_actions.contains(action) {
            let text = format!("the key may not perform {name}:{action}");
            return Err(Problem::new("UnauthorizedOperation", text));
        }
        let bucket = format!("{name}:{action}");
        let taken = key.is_none_or(|key| self.state().limiter.take(key, &bucket, context.now_ms));
        if !taken || (service != Service::Sts && self.is_stormy(context.now_ms)) {
            return Err(throttled(Some(service), false, 0));
        }
        Ok(())
    }

    fn injected_fault(&self, context: &mut RequestContext<'_>, service: Service) -> InjectedFault {
        let faults = &self.settings.faults;
        if service != Service::Sts {
            return faults.injected_fault(&mut context.rng);
        }
        if context.rng.chance(faults.sts_errors) {
            InjectedFault::Failed { alternative: false }
        } else {
            InjectedFault::None
        }
    }

    /// Returns the content of `Response`, and its size.
    fn answer(
        &self,
        context: &RequestContext<'_>,
        call: &Call,
        salt: u64,
    ) -> Result<(String, ResponseSize), Problem> {
        let (action, params) = (call.action.as_str(), &call.params);
        match call.service {
            Service::Scf => {
                let api = v3::Api {
                    settings: &self.settings,
                    scene: &self.scene,
                    params,
                    now_ms: context.now_ms,
                    salt,
                };
                api.answer(action)
            }
            Service::Cls => cls::answer(&cls::LogRequest {
                settings: &self.settings,
                scene: &self.scene,
                state: &self.logs,
                now_ms: context.now_ms,
                delay_ms: u64::try_from(context.delay.as_millis()).unwrap_or(u64::MAX),
                salt,
                action,
                params,
            }),
            Service::Sts => {
                let ServerState { keys, .. } = &mut *self.state();
                let (role, clock_ms) = (&self.settings.role, context.clock_ms);
                let answer = sts::answer(action, Fields(params), role, keys, clock_ms)?;
                Ok((answer, ResponseSize::default()))
            }
        }
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
