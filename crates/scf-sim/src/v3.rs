//! API 3.0 of functions over the world: parameters in, content of `Response` out.

mod fields;
mod functions;
mod logs;
mod rows;

use std::cell::Cell;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::Value;

use super::faults::ResponseSize;
use super::function::Function;
use super::problem::Problem;
use super::problems;
use super::scene::Scene;
use super::settings::Settings;

pub(crate) use fields::Fields;

/// One request that is being answered.
pub(crate) struct Api<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) scene: &'a Mutex<Scene>,
    pub(crate) params: &'a Value,
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
    ListNamespaces,
    ListFunctions,
    GetFunction,
}

/// The namespace of requests that name none.
const DEFAULT_NAMESPACE: &str = "default";
/// The vendor's default page size of every action.
const DEFAULT_LIMIT: usize = 20;

// === impl Action ===

impl Action {
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "GetFunctionLogs" => Some(Self::GetFunctionLogs),
            "ListNamespaces" => Some(Self::ListNamespaces),
            "ListFunctions" => Some(Self::ListFunctions),
            "GetFunction" => Some(Self::GetFunction),
            _ => None,
        }
    }
}

// === impl Api ===

impl Api<'_> {
    /// Returns the content of `Response` as a JSON object, without its request id.
    pub(crate) fn answer(&self, action: Action) -> Result<String, Problem> {
        match action {
            Action::GetFunctionLogs => self.get_function_logs(),
            Action::ListNamespaces => self.list_namespaces(),
            Action::ListFunctions => self.list_functions(),
            Action::GetFunction => self.get_function(),
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
        let name = self
            .fields()
            .text("Namespace")?
            .unwrap_or(DEFAULT_NAMESPACE);
        let known = name == DEFAULT_NAMESPACE
            || self
                .functions()
                .iter()
                .any(|function| function.namespace == name);
        if known {
            Ok(name)
        } else {
            let text = "the namespace does not exist";
            Err(problems::new("ResourceNotFound.Namespace", text))
        }
    }

    /// Returns the position of a function.
    fn position(&self, namespace: &str, name: &str) -> Result<u32, Problem> {
        let functions = self.functions();
        let mut positions = (0..).zip(functions.iter());
        positions
            .find(|(_, f)| f.name == name && f.namespace == namespace)
            .map(|(position, _)| position)
            .ok_or_else(no_such_function)
    }

    /// Checks the version of a function. The world has no published versions.
    fn check_qualifier(&self) -> Result<(), Problem> {
        match self.fields().text("Qualifier")? {
            None | Some("$LATEST" | "$DEFAULT") => Ok(()),
            Some(_) => {
                let text = "the function has no such version or alias";
                Err(problems::new("ResourceNotFound.Qualifier", text))
            }
        }
    }
}

fn no_such_function() -> Problem {
    let text = "the function does not exist in this namespace";
    problems::new("ResourceNotFound.FunctionName", text)
}
