//! API 3.0 of functions over the world: parameters in, content of `Response` out.

mod fields;
mod functions;
mod logs;
mod rows;

use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::Value;

use super::faults::ResponseSize;
use super::function::Function;
use super::problem::Problem;
use super::scene::Scene;
use super::settings::{Order, Settings};

pub(crate) use fields::Fields;

/// One request that is being answered.
pub(crate) struct Api<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) scene: &'a Mutex<Scene>,
    pub(crate) params: &'a Value,
    pub(crate) now_ms: i64,
    /// Random number of this request for the order of ties and for odd fields.
    pub(crate) salt: u64,
}

/// The namespace of requests that name none.
const DEFAULT_NAMESPACE: &str = "default";
/// The vendor's default page size of every action.
const DEFAULT_LIMIT: usize = 20;

// === impl Api ===

impl Api<'_> {
    /// Returns the content of `Response` as a JSON object, without its request id, and its size.
    pub(crate) fn answer(&self, action: &str) -> Result<(String, ResponseSize), Problem> {
        match action {
            "GetFunctionLogs" => self.get_function_logs(),
            "ListNamespaces" => self.list_namespaces(),
            "ListFunctions" => self.list_functions(),
            _ => Ok((self.get_function()?, ResponseSize::default())),
        }
    }

    fn fields(&self) -> Fields<'_> {
        Fields(self.params)
    }

    fn functions(&self) -> Arc<[Function]> {
        let scene = self.scene.lock();
        scene.functions()
    }

    /// Returns the requested namespace, which must exist.
    fn namespace(&self) -> Result<&str, Problem> {
        let name = self.fields().text("Namespace")?;
        let name = name.unwrap_or(DEFAULT_NAMESPACE);
        let functions = self.functions();
        if name == DEFAULT_NAMESPACE || functions.iter().any(|f| f.namespace == name) {
            return Ok(name);
        }
        let text = "the namespace does not exist";
        Err(Problem::new("ResourceNotFound.Namespace", text))
    }

    /// Returns the position of a function.
    fn position(&self, namespace: &str, name: &str) -> Result<u32, Problem> {
        let functions = self.functions();
        let mut positions = (0..).zip(functions.iter());
        positions
            .find(|(_, f)| f.name == name && f.namespace == namespace)
            .map(|(position, _)| position)
            .ok_or_else(Problem::unknown_function)
    }
}

/// Returns the order that a request asks for.
fn order(fields: Fields<'_>, default: Order) -> Result<Order, Problem> {
    fields.text("Order")?.map_or(Ok(default), |word| {
        let order = Order::parse(word);
        order.ok_or_else(|| Problem::wrong("Order", "InvalidParameterValue.Order"))
    })
}
