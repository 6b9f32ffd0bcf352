//! A cloud of a few functions that answers the three actions of discovery.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard};

use serde::de::DeserializeOwned;

use super::*;
use crate::ingest::tests::failure;
use tencentcloud::ErrorClass;

#[derive(Clone)]
pub(super) struct Cloud(Arc<Mutex<Script>>);

pub(super) struct Script {
    functions: BTreeMap<(String, String), Function>,
    failing: BTreeMap<&'static str, Failure>,
    asked: BTreeMap<&'static str, usize>,
    at_once: usize,
    most_at_once: usize,
    /// The server's own limit of a page.
    pub(super) page_max: usize,
    /// Else the total is 0.
    pub(super) tells_total: bool,
    pub(super) ignores_offset: bool,
    /// `GetFunction` takes this long.
    pub(super) answer_takes: Duration,
    /// Left out of one list, as if it slipped between two pages.
    pub(super) hidden: Option<&'static str>,
    /// More entries than that are refused.
    pub(super) refuses_above: usize,
    /// No answer with this function in it can be had.
    pub(super) withheld: Option<&'static str>,
    /// Its functions cannot be listed.
    pub(super) broken_namespace: Option<&'static str>,
}

pub(super) struct Function {
    pub(super) memory: u32,
    pub(super) topic: &'static str,
    pub(super) changed: u32,
}

#[derive(Clone, Copy)]
pub(super) enum Failure {
    Transient,
    Forbidden,
    TooLarge,
    NoFunction,
    NoNamespace,
}

impl Cloud {
    /// A cloud with these functions, each `namespace/name`.
    pub(super) fn of<S: AsRef<str>>(functions: &[S]) -> Self {
        let cloud = Self(Arc::new(Mutex::new(Script {
            functions: BTreeMap::new(),
            failing: BTreeMap::new(),
            asked: BTreeMap::new(),
            at_once: 0,
            most_at_once: 0,
            page_max: 100,
            tells_total: true,
            ignores_offset: false,
            answer_takes: Duration::ZERO,
            hidden: None,
            refuses_above: usize::MAX,
            withheld: None,
            broken_namespace: None,
        })));
        functions.iter().for_each(|one| cloud.add(one.as_ref()));
        cloud
    }

    /// A cloud with this number of functions in the default namespace.
    pub(super) fn of_many(functions: usize) -> Self {
        let names = (0..functions).map(|n| format!("default/f{n:04}"));
        Self::of(&names.collect::<Vec<_>>())
    }

    pub(super) fn add(&self, function: &str) {
        let new = Function {
            memory: 128,
            topic: "topic",
            changed: 1,
        };
        self.lock().functions.insert(key(function), new);
    }

    pub(super) fn set(&self, function: &str, change: impl Fn(&mut Function)) {
        change(self.lock().functions.get_mut(&key(function)).unwrap());
    }

    pub(super) fn delete(&self, function: &str) {
        self.lock().functions.remove(&key(function)).unwrap();
    }

    pub(super) fn change<T>(&self, change: impl Fn(&mut Script) -> T) {
        change(&mut self.lock());
    }

    pub(super) fn fail(&self, action: &'static str, failure: Failure) {
        self.lock().failing.insert(action, failure);
    }

    pub(super) fn works(&self, action: &'static str) {
        self.lock().failing.remove(action);
    }

    pub(super) fn asked(&self, action: &str) -> usize {
        self.lock().asked.get(action).copied().unwrap_or(0)
    }

    pub(super) fn forget_asked(&self) {
        self.lock().asked.clear();
    }

    pub(super) fn most_at_once(&self) -> usize {
        self.lock().most_at_once
    }

    fn lock(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap()
    }
}

fn key(function: &str) -> (String, String) {
    let (namespace, name) = function.split_once('/').unwrap();
    (namespace.to_owned(), name.to_owned())
}

impl JsonApi for Cloud {
    async fn call_json<T: DeserializeOwned + Send>(
        &self,
        action: &'static str,
        params: &Value,
    ) -> Result<T, ApiError> {
        let takes = {
            let mut script = self.lock();
            *script.asked.entry(action).or_default() += 1;
            script.at_once += 1;
            script.most_at_once = script.most_at_once.max(script.at_once);
            script.answer_takes
        };
        if action == "GetFunction" {
            tokio::time::sleep(takes).await;
        }
        let answer = {
            let mut script = self.lock();
            script.at_once -= 1;
            script.answer(action, params)
        };
        answer
            .map(|body| serde_json::from_value(body).unwrap())
            .map_err(|failure| failure.of(action))
    }
}

impl Script {
    fn answer(&mut self, action: &'static str, params: &Value) -> Result<Value, Failure> {
        if let Some(failure) = self.failing.get(action) {
            return Err(*failure);
        }
        let namespace = params["Namespace"].as_str().unwrap_or_default();
        if action != "ListNamespaces" && !self.functions.keys().any(|key| key.0 == namespace) {
            return Err(Failure::NoNamespace);
        }
        match action {
            "ListNamespaces" => {
                let all: BTreeSet<&String> = self.functions.keys().map(|key| &key.0).collect();
                let all = all
                    .into_iter()
                    .map(|name| json!({"Name": name, "Type": "x"}));
                self.page("Namespaces", all.collect(), params)
            }
            "ListFunctions" if self.broken_namespace == Some(namespace) => Err(Failure::Transient),
            "ListFunctions" => {
                let hidden = self.hidden.take();
                let functions = self.functions.iter();
                let own = functions
                    .filter(|(key, _)| key.0 == namespace && hidden != Some(key.1.as_str()));
                let all = own.map(|(key, function)| {
                    let changed = format!("2024-01-01 00:00:0{}", function.changed);
                    json!({"Namespace": "wrong", "FunctionName": key.1, "ModTime": changed})
                });
                self.page("Functions", all.collect(), params)
            }
            "GetFunction" => {
                let name = params["FunctionName"].as_str().unwrap();
                let key = (namespace.to_owned(), name.to_owned());
                let function = self.functions.get(&key).ok_or(Failure::NoFunction)?;
                Ok(
                    json!({"MemorySize": function.memory, "Timeout": 3, "Runtime": "Nodejs18.15",
                    "ClsTopicId": function.topic}),
                )
            }
            other => panic!("{other} is no action of discovery"),
        }
    }

    fn page(&self, field: &str, all: Vec<Value>, params: &Value) -> Result<Value, Failure> {
        let number = |name: &str| usize::try_from(params[name].as_u64().unwrap()).unwrap();
        let offset = if self.ignores_offset {
            0
        } else {
            number("Offset")
        };
        let most = number("Limit").min(self.page_max);
        let total = if self.tells_total { all.len() } else { 0 };
        let rows: Vec<_> = all.into_iter().skip(offset).take(most).collect();
        let is_withheld = |row: &Value| Some(row["FunctionName"].as_str()) == Some(self.withheld);
        if rows.len() > self.refuses_above
            || (self.withheld.is_some() && rows.iter().any(is_withheld))
        {
            return Err(Failure::TooLarge);
        }
        Ok(json!({ field: rows, "TotalCount": total }))
    }
}

impl Failure {
    fn of(self, action: &str) -> ApiError {
        let (class, code) = match self {
            Self::Transient => (ErrorClass::Transient, "InternalError"),
            Self::TooLarge => (ErrorClass::Invalid, "ResponseSizeLimitExceeded"),
            Self::Forbidden => (ErrorClass::Authentication, "UnauthorizedOperation.CAM"),
            Self::NoFunction => (ErrorClass::NotFound, "ResourceNotFound.Function"),
            Self::NoNamespace => (ErrorClass::NotFound, "ResourceNotFound.Namespace"),
        };
        failure(class, action, code)
    }
}
