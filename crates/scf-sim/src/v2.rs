//! The legacy v2 API of the world: parameters in, JSON out.

mod rows;

use std::cell::Cell;

use parking_lot::Mutex;

use super::clock::beijing_text;
use super::faults::ResponseSize;
use super::form::Params;
use super::function::Function;
use super::json::{self, Object};
use super::page::{Codes, Selection, Sort};
use super::refusal::Refusal;
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
    /// Size of the response, once it is written.
    pub(crate) weight: Cell<ResponseSize>,
}

/// The actions of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    GetFunctionLogs,
    ListFunctions,
    GetFunction,
}

/// The vendor's default page size.
const DEFAULT_LIMIT: usize = 20;

/// Short spellings of `Region` on older pages.
const SHORT_REGIONS: [(&str, &str); 7] = [
    ("gz", "ap-guangzhou"),
    ("sh", "ap-shanghai"),
    ("bj", "ap-beijing"),
    ("cd", "ap-chengdu"),
    ("cq", "ap-chongqing"),
    ("hk", "ap-hongkong"),
    ("sg", "ap-singapore"),
];

/// Returns the body of an error.
pub(crate) fn refusal_body(refusal: &Refusal, wire: Wire) -> String {
    let mut out = String::new();
    let mut envelope = Object::open(&mut out);
    write_head(
        &mut envelope,
        refusal.code,
        &refusal.message,
        refusal.desc,
        wire,
    );
    envelope.close();
    out
}

fn write_head(envelope: &mut Object<'_>, code: u16, message: &str, desc: &str, wire: Wire) {
    if wire.code_as_string {
        envelope.text("code", &code.to_string());
    } else {
        envelope.raw("code", code);
    }
    envelope.text("message", message).text("codeDesc", desc);
}

// === impl Action ===

impl Action {
    pub(crate) fn of(params: &Params) -> Result<Self, Refusal> {
        match params
            .get("Action")
            .ok_or_else(|| Refusal::missing("Action"))?
        {
            "GetFunctionLogs" => Ok(Self::GetFunctionLogs),
            "ListFunctions" => Ok(Self::ListFunctions),
            "GetFunction" => Ok(Self::GetFunction),
            _ => Err(Refusal::invalid("Action")),
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::GetFunctionLogs => "GetFunctionLogs",
            Self::ListFunctions => "ListFunctions",
            Self::GetFunction => "GetFunction",
        }
    }
}

// === impl Api ===

impl Api<'_> {
    /// Returns the body of the response.
    pub(crate) fn answer(&self, action: Action) -> Result<String, Refusal> {
        self.check_region()?;
        match action {
            Action::GetFunctionLogs => self.get_function_logs(),
            Action::ListFunctions => self.list_functions(),
            Action::GetFunction => self.get_function(),
        }
    }

    fn get_function_logs(&self) -> Result<String, Refusal> {
        let selection = self.selection()?;
        let (page, functions) = {
            let mut scene = self.scene.lock();
            (scene.select(self.now_ms, &selection), scene.functions())
        };
        self.weight.set(ResponseSize {
            rows: page.rows.len(),
            oversized: page.rows.iter().any(|row| row.is_too_large(self.now_ms)),
        });
        let mut out = String::with_capacity(256 + page.rows.len() * 512);
        let mut envelope = Object::open(&mut out);
        write_head(&mut envelope, 0, "", "Success", self.settings.wire);
        envelope.raw("total", self.spelling().number(page.total));
        envelope.nested("data", |out| {
            json::array(&page.rows, out, |attempt, out| {
                rows::write(self, attempt, &functions[attempt.function as usize], out);
            });
        });
        envelope.close();
        Ok(out)
    }

    fn selection(&self) -> Result<Selection, Refusal> {
        let faults = &self.settings.faults;
        Ok(Selection {
            functions: self
                .params
                .get("functionName")
                .map(|n| self.positions(n))
                .transpose()?,
            namespace: None,
            request_id: self.params.get("requestId").map(str::to_owned),
            codes: self.codes()?,
            sort: self.sort()?,
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
    fn positions(&self, name: &str) -> Result<Vec<u32>, Refusal> {
        let positions: Vec<u32> = (0..)
            .zip(self.functions().iter())
            .filter(|(_, function)| function.name == name)
            .map(|(position, _)| position)
            .collect();
        if positions.is_empty() {
            Err(Refusal::unknown_function())
        } else {
            Ok(positions)
        }
    }

    fn list_functions(&self) -> Result<String, Refusal> {
        let search = self.params.get("searchKey").unwrap_or_default();
        let all = self.functions();
        let there = all.iter().filter(|f| f.life.is_there(self.now_ms));
        let mut found: Vec<&Function> = there.filter(|f| f.name.contains(search)).collect();
        found.sort_by(|a, b| a.name.cmp(&b.name));
        found.dedup_by(|a, b| a.name == b.name);
        match self
            .params
            .get("orderby")
            .map(str::to_ascii_lowercase)
            .as_deref()
        {
            None | Some("modtime") => found.sort_by_key(|f| f.modified_ms),
            Some("addtime") => found.sort_by_key(|f| f.added_ms),
            Some("functionname") => {}
            Some(_) => return Err(Refusal::invalid("orderby")),
        }
        if self.order(Order::Descending)? == Order::Descending {
            found.reverse();
        }
        let (offset, limit) = (self.number("offset", 0)?, self.limit()?);
        let page = found.iter().skip(offset).take(limit);
        self.weight.set(ResponseSize {
            rows: page.len(),
            ..ResponseSize::default()
        });
        Ok(self.in_data(|data| {
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
        }))
    }

    fn get_function(&self) -> Result<String, Refusal> {
        let name = self
            .params
            .get("functionName")
            .ok_or_else(|| Refusal::missing("functionName"))?;
        let position = self.positions(name)?[0];
        let functions = self.functions();
        let function = &functions[position as usize];
        Ok(self.in_data(|data| {
            data.text("modTime", &beijing_text(function.modified_ms))
                .text("functionName", &function.name)
                .raw("triggers", "[]")
                .text("handler", "index.main_handler")
                .raw("codeSize", 1_024)
                .raw("memorySize", function.memory_mb)
                .text("version", "LATEST")
                .raw("timeout", function.timeout_ms.div_ceil(1_000))
                .text("runtime", function.runtime)
                .text("description", "");
        }))
    }

    /// Returns a response whose payload is an object in `data`.
    fn in_data(&self, fill: impl FnOnce(&mut Object<'_>)) -> String {
        let mut out = String::new();
        let mut envelope = Object::open(&mut out);
        write_head(&mut envelope, 0, "", "Success", self.settings.wire);
        envelope.nested("data", |out| {
            let mut data = Object::open(out);
            fill(&mut data);
            data.close();
        });
        envelope.close();
        out
    }

    fn spelling(&self) -> Spelling {
        Spelling::of(&self.settings.faults, self.salt)
    }

    fn functions(&self) -> std::sync::Arc<[Function]> {
        let scene = self.scene.lock();
        scene.functions()
    }

    /// Checks the region, which is optional. Another region is an error rather than empty, so that
    /// a wrong setting is noticed.
    fn check_region(&self) -> Result<(), Refusal> {
        let Some(given) = self.params.get("Region") else {
            return Ok(());
        };
        let long = SHORT_REGIONS.iter().find(|(short, _)| *short == given);
        if long.map_or(given, |(_, long)| long) == self.settings.region {
            return Ok(());
        }
        let text = format!("only region {} is simulated", self.settings.region);
        Err(Refusal::parameter(&text))
    }

    fn codes(&self) -> Result<Codes, Refusal> {
        match self.params.get("filter.retCode") {
            None => Ok(Codes::Any),
            Some("is0") => Ok(Codes::Zero),
            Some("not0") => Ok(Codes::NotZero),
            Some(_) => Err(Refusal::invalid("filter.retCode")),
        }
    }

    /// Accepts the spellings of both of the vendor's pages.
    fn sort(&self) -> Result<Sort, Refusal> {
        match self.params.get("orderby") {
            None | Some("start_time" | "startTime") => Ok(Sort::StartTime),
            Some("function_name" | "functionName") => Ok(Sort::FunctionName),
            Some("request_id" | "requestId") => Ok(Sort::RequestId),
            Some("duration") => Ok(Sort::Duration),
            Some("mem_usage" | "memUsage") => Ok(Sort::MemUsage),
            Some(_) => Err(Refusal::invalid("orderby")),
        }
    }

    /// Accepts `acs` too, which appears on the vendor's Chinese page.
    fn order(&self, default: Order) -> Result<Order, Refusal> {
        match self.params.get("order") {
            None => Ok(default),
            Some("asc" | "acs" | "ASC") => Ok(Order::Ascending),
            Some("desc" | "DESC") => Ok(Order::Descending),
            Some(_) => Err(Refusal::invalid("order")),
        }
    }

    fn limit(&self) -> Result<usize, Refusal> {
        let limit = self.number("limit", DEFAULT_LIMIT)?;
        if limit > self.settings.max_page && self.settings.wire.reject_large_page {
            return Err(Refusal::invalid("limit"));
        }
        Ok(limit.min(self.settings.max_page))
    }

    fn number(&self, name: &str, default: usize) -> Result<usize, Refusal> {
        self.params.get(name).map_or(Ok(default), |text| {
            text.parse().map_err(|_| Refusal::invalid(name))
        })
    }
}
