//! Descriptions of namespaces and functions in API 3.0.

use std::collections::BTreeMap;

use super::{Api, DEFAULT_LIMIT, DEFAULT_NAMESPACE, order};
use crate::clock::beijing_text;
use crate::faults::ResponseSize;
use crate::function::{self, Function};
use crate::json::{self, Object};
use crate::problem::Problem;
use crate::rng::mix;
use crate::settings::Order;
use crate::spelling::Spelling;

/// Fields of a function's description that are the same for all functions of the world, as JSON.
const FIXED: &str = concat!(
    r#""Description":"","InitTimeout":65,"VpcConfig":{"VpcId":"","SubnetId":""},"#,
    r#""Environment":{"Variables":[]},"Handler":"index.main_handler","UseGpu":"FALSE","Role":"","#,
    r#""CodeSize":1024,"FunctionVersion":"$LATEST","InstallDependency":"FALSE","Status":"Active","#,
    r#""AvailableStatus":"Available","StatusDesc":"","StatusReasons":[],"L5Enable":"FALSE","#,
    r#""EipConfig":{"EipFixed":"FALSE","Eips":[]},"Layers":[],"DeadLetterConfig":null,"#,
    r#""ImageConfig":null,"Triggers":[],"CodeInfo":"","ErrNo":0,"Tags":[],"#,
    r#""AccessInfo":{"Host":"","Vip":""},"AsyncRunEnable":"FALSE","TraceEnable":"FALSE","#,
    r#""ProtocolParams":null,"InstanceConcurrencyConfig":null"#,
);
/// Such fields of a function in a list.
const SUMMARY: &str = concat!(
    r#""Description":"","Status":"Active","StatusDesc":"","StatusReasons":[],"Tags":[],"#,
    r#""AsyncRunEnable":"FALSE","TraceEnable":"FALSE","ReservedConcurrencyMem":null,"#,
    r#""TotalProvisionedConcurrencyMem":null"#,
);
const LOGSET_KEY: u64 = 0x10C_5E70;
/// Maximum number of entries in a list; the vendor documents none.
const MAX_ENTRIES: usize = 100;

// === impl Api ===

impl Api<'_> {
    pub(super) fn list_namespaces(&self) -> Result<(String, ResponseSize), Problem> {
        let fields = self.fields();
        fields.only(&["Offset", "Limit", "Orderby", "Order"])?;
        let functions = self.functions();
        // A namespace is as old as its oldest function.
        let mut ages: BTreeMap<&str, i64> = BTreeMap::new();
        ages.insert(DEFAULT_NAMESPACE, self.settings.start_ms);
        let there = functions.iter().filter(|f| f.life.is_there(self.now_ms));
        for function in there {
            let age = ages.entry(&function.namespace).or_insert(i64::MAX);
            *age = function.added_ms.min(*age);
        }
        let found: Vec<(&str, i64)> = ages.into_iter().collect();
        if !matches!(fields.text("Orderby")?, None | Some("Name")) {
            return Err(Problem::wrong("Orderby", "InvalidParameterValue.Orderby"));
        }
        self.page("Namespaces", found, Order::Ascending, |(name, age), out| {
            let mut row = Object::open(out);
            row.text("Name", name)
                .text("Type", "default")
                .text("AddTime", &beijing_text(age))
                .text("ModTime", &beijing_text(age))
                .text("Description", "");
            row.close();
        })
    }

    pub(super) fn list_functions(&self) -> Result<(String, ResponseSize), Problem> {
        let fields = self.fields();
        fields.only(&["Order", "Orderby", "Offset", "Limit", "Namespace"])?;
        let namespace = self.namespace()?;
        let functions = self.functions();
        let mut found = function::listed(&functions, self.now_ms, |f| f.namespace == namespace);
        match fields.text("Orderby")? {
            None | Some("ModTime") => found.sort_by_key(|f| f.modified_ms),
            Some("FunctionName") => {}
            Some(_) => return Err(Problem::wrong("Orderby", "InvalidParameterValue.Orderby")),
        }
        self.page("Functions", found, Order::Descending, write_summary)
    }

    pub(super) fn get_function(&self) -> Result<String, Problem> {
        let fields = self.fields();
        fields.only(&["FunctionName", "Namespace", "Qualifier", "ShowCode"])?;
        let name = fields.required("FunctionName")?;
        let namespace = self.namespace()?;
        let position = self.position(namespace, name)?;
        let functions = self.functions();
        let function = &functions[position as usize];
        if !function.life.is_there(self.now_ms) {
            return Err(Problem::unknown_function());
        }
        let mut out = String::new();
        let mut answer = Object::open(&mut out);
        write_identity(&mut answer, function);
        let spelling = Spelling::of(&self.settings.faults, self.salt);
        let seconds = function.timeout_ms.div_ceil(1_000);
        answer
            .raw("MemorySize", spelling.number(function.memory_mb))
            .raw("Timeout", spelling.number(seconds))
            .text("ClsLogsetId", &self.logset_id(function))
            .text("ClsTopicId", &function.topic_id);
        answer.fields(FIXED);
        answer.close();
        Ok(out)
    }

    /// Returns the log set of the function's topic.
    fn logset_id(&self, function: &Function) -> String {
        if function.topic_id.is_empty() {
            return String::new();
        }
        let number = mix(self.settings.seed, LOGSET_KEY);
        format!(
            "b91e2c12-{:04x}-4{:03x}-8{:03x}-{:012x}",
            number >> 48,
            number >> 36 & 0xFFF,
            number >> 24 & 0xFFF,
            number & 0xFFFF_FFFF_FFFF
        )
    }

    /// Returns the requested page of `found`, which is in ascending order.
    fn page<T>(
        &self,
        name: &str,
        mut found: Vec<T>,
        default_order: Order,
        write: impl FnMut(T, &mut String),
    ) -> Result<(String, ResponseSize), Problem> {
        let fields = self.fields();
        let offset = fields.number("Offset", "InvalidParameterValue.Offset")?;
        let limit = fields.number("Limit", "InvalidParameterValue.Limit")?;
        let limit = limit.map_or(DEFAULT_LIMIT, |n| usize::try_from(n).unwrap_or(usize::MAX));
        let offset = usize::try_from(offset.unwrap_or(0)).unwrap_or(usize::MAX);
        if order(fields, default_order)? == Order::Descending {
            found.reverse();
        }
        let total = found.len();
        let page = found.into_iter().skip(offset).take(limit.min(MAX_ENTRIES));
        let size = ResponseSize::of_rows(page.len());
        let mut out = String::new();
        let mut answer = Object::open(&mut out);
        answer.nested(name, |out| json::array(page, out, write));
        let spelling = Spelling::of(&self.settings.faults, self.salt);
        answer.raw("TotalCount", spelling.number(total));
        answer.close();
        Ok((out, size))
    }
}

fn write_identity(row: &mut Object<'_>, function: &Function) {
    row.text("FunctionName", &function.name)
        .text(
            "FunctionId",
            &format!("lam-{:08x}", function_number(function)),
        )
        .text("Namespace", &function.namespace)
        .text("Runtime", function.runtime)
        .text("Type", "Event")
        .text("AddTime", &beijing_text(function.added_ms))
        .text("ModTime", &beijing_text(function.modified_ms));
}

fn write_summary(function: &Function, out: &mut String) {
    let mut row = Object::open(out);
    write_identity(&mut row, function);
    row.fields(SUMMARY);
    row.close();
}

/// Returns a number that depends only on name and namespace.
fn function_number(function: &Function) -> u32 {
    let bytes = function
        .namespace
        .bytes()
        .chain([0])
        .chain(function.name.bytes());
    bytes.fold(0, |sum, byte| mix(sum, u64::from(byte))) as u32
}
