//! The legacy v2 API of the world: parameters in, JSON out.

mod rows;

use std::sync::Arc;

use parking_lot::Mutex;

use super::clock::beijing_text;
use super::faults::ResponseSize;
use super::form::Params;
use super::function::{self, Function};
use super::json::{self, Object};
use super::page::Selection;
use super::problem::Problem;
use super::scene::Scene;
use super::settings::{Order, Settings, Wire};
use super::spelling::Spelling;

/// One request that is being answered.
pub(crate) struct Api<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) scene: &'a Mutex<Scene>,
    pub(crate) params: &'a Params,
    pub(crate) now_ms: i64,
    /// Random number of this request for the order of ties and for odd fields.
    pub(crate) salt: u64,
}

/// The actions that are simulated.
const ACTIONS: [&str; 2] = [LOGS, "ListFunctions"];
const LOGS: &str = "GetFunctionLogs";
/// The vendor's default page size.
const DEFAULT_LIMIT: usize = 20;
/// Filters of log rows that are not simulated.
const FILTERS: [&str; 2] = ["requestId", "filter.retCode"];

/// The errors of v2: the code in API 3.0, and `code`, `codeDesc` and the module in front of the
/// message. The vendor's pages give no `codeDesc` for most of them, so these are invented.
const ERRORS: [(&str, u16, &str, u32); 9] = [
    ("AuthFailure.SignatureFailure", 4100, "AuthFailure", 100_004),
    (
        "AuthFailure.SecretIdNotFound",
        4104,
        "SecretIdNotFound",
        100_005,
    ),
    ("AuthFailure.TokenFailure", 4105, "TokenFailure", 100_006),
    ("ReplayAttack", 4500, "ReplayAttack", 100_007),
    (
        "RequestLimitExceeded",
        4400,
        "RequestLimitExceeded",
        100_008,
    ),
    ("QpsLimitExceeded", 4420, "QpsLimitExceeded", 100_008),
    (
        "ResourceNotFound.FunctionName",
        5000,
        "ResourceNotFound",
        200_001,
    ),
    ("InternalError", 6000, "InternalError", 300_001),
    ("Maintenance", 6200, "Maintenance", 300_002),
];
const OTHER_ERROR: (&str, u16, &str, u32) = ("", 4000, "InvalidParameter", 100_001);

/// Returns the body of an error.
pub(crate) fn error(problem: &Problem, wire: Wire) -> String {
    let known = ERRORS.into_iter().find(|error| error.0 == problem.code);
    let (_, code, desc, module) = known.unwrap_or(OTHER_ERROR);
    let message = format!("({module}){}", problem.message);
    envelope(code, &message, desc, wire, |_| {})
}

fn envelope(
    code: u16,
    message: &str,
    desc: &str,
    wire: Wire,
    fill: impl FnOnce(&mut Object<'_>),
) -> String {
    let mut out = String::new();
    let mut envelope = Object::open(&mut out);
    if wire.code_as_string {
        envelope.text("code", &code.to_string());
    } else {
        envelope.raw("code", code);
    }
    envelope.text("message", message).text("codeDesc", desc);
    fill(&mut envelope);
    envelope.close();
    out
}

/// Returns the action of a request.
pub(crate) fn action(params: &Params) -> Result<&'static str, Problem> {
    let asked = params.get("Action");
    let asked = asked.ok_or_else(|| Problem::missing("Action"))?;
    let known = ACTIONS.into_iter().find(|action| *action == asked);
    known.ok_or_else(|| Problem::invalid("Action"))
}

// === impl Api ===

impl Api<'_> {
    /// Returns the body of the response to one of the actions, and its size.
    pub(crate) fn answer(&self, action: &str) -> Result<(String, ResponseSize), Problem> {
        self.check_region()?;
        if action == LOGS {
            self.get_function_logs()
        } else {
            self.list_functions()
        }
    }

    fn get_function_logs(&self) -> Result<(String, ResponseSize), Problem> {
        let selection = self.selection()?;
        let (page, functions) = Scene::read(self.scene, self.now_ms, &selection);
        let body = self.success(|envelope| {
            envelope.raw("total", self.spelling().number(page.total));
            envelope.nested("data", |out| {
                json::array(&page.rows, out, |attempt, out| {
                    rows::write(self, attempt, &functions[attempt.function as usize], out);
                });
            });
        });
        Ok((body, page.size(self.now_ms)))
    }

    fn selection(&self) -> Result<Selection, Problem> {
        let filter = FILTERS
            .into_iter()
            .find(|name| self.params.get(name).is_some());
        if let Some(name) = filter {
            return Err(Problem::invalid(name));
        }
        // Spelled as on either of the vendor's pages.
        if !matches!(
            self.params.get("orderby"),
            None | Some("start_time" | "startTime")
        ) {
            return Err(Problem::invalid("orderby"));
        }
        let faults = &self.settings.faults;
        let name = self.params.get("functionName");
        Ok(Selection {
            functions: name.map(|name| self.positions(name)).transpose()?,
            namespace: None,
            descending: self.order(self.settings.wire.default_order)? == Order::Descending,
            offset: self.number("offset", 0)?,
            limit: self.limit()?,
            oldest_ms: self.now_ms.saturating_sub(self.settings.retention_ms),
            until_ms: i64::MAX,
            skew_ms: faults.clock_skew_ms,
            shuffle: faults.unstable_ties.then_some(self.salt),
        })
    }

    /// Returns the functions with a name. There may be several, because v2 has no namespaces.
    fn positions(&self, name: &str) -> Result<Vec<u32>, Problem> {
        let functions = self.functions();
        let all = (0..).zip(functions.iter());
        let named = all.filter(|(_, function)| function.name == name);
        let positions: Vec<u32> = named.map(|(position, _)| position).collect();
        if positions.is_empty() {
            return Err(Problem::unknown_function());
        }
        Ok(positions)
    }

    fn list_functions(&self) -> Result<(String, ResponseSize), Problem> {
        let all = self.functions();
        let mut found = function::listed(&all, self.now_ms, |_| true);
        found.dedup_by(|a, b| a.name == b.name);
        let orderby = self.params.get("orderby").map(str::to_ascii_lowercase);
        match orderby.as_deref() {
            None | Some("modtime") => found.sort_by_key(|f| f.modified_ms),
            Some("functionname") => {}
            Some(_) => return Err(Problem::invalid("orderby")),
        }
        if self.order(Order::Descending)? == Order::Descending {
            found.reverse();
        }
        let (offset, limit) = (self.number("offset", 0)?, self.limit()?);
        let page = found.iter().skip(offset).take(limit);
        let size = ResponseSize::of_rows(page.len());
        let data = |out: &mut String| {
            let mut data = Object::open(out);
            data.nested("functions", |out| {
                json::array(page, out, |function, out| {
                    let mut row = Object::open(out);
                    row.text("modTime", &beijing_text(function.modified_ms))
                        .text("addTime", &beijing_text(function.added_ms))
                        .text("runtime", function.runtime)
                        .text("functionName", &function.name);
                    row.close();
                });
            });
            data.raw("total", self.spelling().number(found.len()));
            data.close();
        };
        let body = self.success(|envelope| {
            envelope.nested("data", data);
        });
        Ok((body, size))
    }

    fn success(&self, fill: impl FnOnce(&mut Object<'_>)) -> String {
        envelope(0, "", "Success", self.settings.wire, fill)
    }

    fn spelling(&self) -> Spelling {
        Spelling::of(&self.settings.faults, self.salt)
    }

    fn functions(&self) -> Arc<[Function]> {
        let scene = self.scene.lock();
        scene.functions()
    }

    /// Checks the region, which is optional. Another region is an error rather than empty, so that
    /// a wrong setting is noticed.
    fn check_region(&self) -> Result<(), Problem> {
        let region = &self.settings.region;
        if self
            .params
            .get("Region")
            .is_none_or(|asked| asked == region)
        {
            return Ok(());
        }
        let text = format!("only region {region} is simulated");
        Err(Problem::new("InvalidParameter", text))
    }

    fn order(&self, default: Order) -> Result<Order, Problem> {
        self.params.get("order").map_or(Ok(default), |text| {
            Order::parse(text).ok_or_else(|| Problem::invalid("order"))
        })
    }

    fn limit(&self) -> Result<usize, Problem> {
        let limit = self
            .settings
            .page_limit(self.number("limit", DEFAULT_LIMIT)?);
        limit.ok_or_else(|| Problem::invalid("limit"))
    }

    fn number(&self, name: &str, default: usize) -> Result<usize, Problem> {
        self.params.get(name).map_or(Ok(default), |text| {
            text.parse().map_err(|_| Problem::invalid(name))
        })
    }
}
