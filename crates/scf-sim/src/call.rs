//! Parses a request of API 3.0: service, action, parameters and proof of identity.

use serde_json::{Map, Value};

use super::form::Params;
use super::hosts;
use super::http::Request;
use super::problem::Problem;
use super::tc3::Authorization;

/// A request of API 3.0.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) service: Service,
    pub(crate) action: String,
    pub(crate) version: String,
    pub(crate) region: Option<String>,
    pub(crate) token: Option<String>,
    /// Unix seconds.
    pub(crate) timestamp: i64,
    /// The action's own parameters: a JSON object, however they were sent.
    pub(crate) params: Value,
    pub(crate) proof: Proof,
}

/// How a request proves who sent it.
#[derive(Debug)]
pub(crate) enum Proof {
    /// A signature in the Authorization header.
    Tc3(Authorization),
    /// A signature among these parameters.
    Form(Params),
    /// No signature, which `Authorization: SKIP` declares.
    Skipped,
}

/// The services of this cloud that have an API 3.0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    /// The function service.
    Scf,
    /// The log service.
    Cls,
    /// The token service.
    Sts,
}

/// Parameters of the older scheme that belong to the envelope, not to the action.
const COMMON: [&str; 11] = [
    "Action",
    "Version",
    "Region",
    "Timestamp",
    "Nonce",
    "SecretId",
    "Signature",
    "SignatureMethod",
    "Token",
    "Language",
    "RequestClient",
];
/// Parameters that the vendor declares as numbers; a form has only text.
const NUMBERS: [&str; 8] = [
    "Offset",
    "Limit",
    "From",
    "To",
    "QuerySyntax",
    "SyntaxRule",
    "SamplingRate",
    "DurationSeconds",
];
/// Parameters that the vendor declares as booleans.
const SWITCHES: [&str; 2] = ["UseNewAnalysis", "HighLight"];
const MAX_DEPTH: usize = 8;

// === impl Call ===

impl Call {
    /// Parses `request`.
    pub(crate) fn read(request: &Request) -> Result<Self, Problem> {
        match request.header("authorization") {
            None | Some("") => Self::from_form(request),
            Some("SKIP") => Self::from_headers(request, Proof::Skipped),
            Some(text) => {
                let parsed = Authorization::parse(text).map_err(Problem::bad_authorization)?;
                Self::from_headers(request, Proof::Tc3(parsed))
            }
        }
    }

    fn from_headers(request: &Request, proof: Proof) -> Result<Self, Problem> {
        let header = |name| request.header(name).filter(|value| !value.is_empty());
        let required =
            |header_name, name| header(header_name).ok_or_else(|| Problem::missing(name));
        let (action, version) = (
            required("x-tc-action", "Action")?,
            required("x-tc-version", "Version")?,
        );
        let service = match &proof {
            Proof::Tc3(parsed) if !is_first_label(&parsed.service, &request.host) => {
                Service::named(&parsed.service).ok_or_else(|| {
                    let text = "the service in the scope does not exist";
                    Problem::new("NoSuchProduct", text)
                })?
            }
            Proof::Tc3(_) | Proof::Skipped | Proof::Form(_) => Service::guess(request, version)?,
        };
        let params = if request.method == "GET" {
            nested(&Params::parse(request.form())?)
        } else {
            parse_json(&request.body)?
        };
        Ok(Self {
            service,
            action: action.to_owned(),
            version: version.to_owned(),
            region: header("x-tc-region").map(str::to_owned),
            token: header("x-tc-token").map(str::to_owned),
            timestamp: parse_timestamp(required("x-tc-timestamp", "Timestamp")?)?,
            params,
            proof,
        })
    }

    fn from_form(request: &Request) -> Result<Self, Problem> {
        let form = Params::parse(request.form())?;
        let required = |name| form.get(name).ok_or_else(|| Problem::missing(name));
        for name in ["SecretId", "Signature", "Nonce"] {
            required(name)?;
        }
        let (action, version) = (required("Action")?, required("Version")?);
        Ok(Self {
            service: Service::guess(request, version)?,
            action: action.to_owned(),
            version: version.to_owned(),
            region: form.get("Region").map(str::to_owned),
            token: form.get("Token").map(str::to_owned),
            timestamp: parse_timestamp(required("Timestamp")?)?,
            params: nested(&form),
            proof: Proof::Form(form),
        })
    }
}

/// Returns whether the service in the scope is the first label of the host. The vendor's client for
/// Node uses that label as the service for any host, for example `127` of `127.0.0.1`.
fn is_first_label(service: &str, host: &str) -> bool {
    Service::named(service).is_none() && host.split('.').next() == Some(service)
}

fn parse_timestamp(text: &str) -> Result<i64, Problem> {
    text.parse().map_err(|_| Problem::invalid("Timestamp"))
}

/// Parses a JSON body. An empty one has no parameters.
fn parse_json(body: &[u8]) -> Result<Value, Problem> {
    if body.is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => Ok(Value::Object(fields)),
        _ => {
            let text = "the body is no JSON object";
            Err(Problem::new("InvalidParameter", text))
        }
    }
}

/// Converts form parameters to JSON: `Filter.RetCode=is0` becomes a nested object,
/// `Topics.0.TopicId=a` an array of objects.
fn nested(form: &Params) -> Value {
    let mut root = Map::new();
    for (name, value) in form.iter().filter(|(name, _)| !COMMON.contains(name)) {
        let path: Vec<&str> = name.splitn(MAX_DEPTH, '.').collect();
        insert(&mut root, &path, value);
    }
    arrays_from_indices(root)
}

fn insert(node: &mut Map<String, Value>, path: &[&str], text: &str) {
    match path {
        [] => {}
        [name] => {
            node.insert((*name).to_owned(), leaf(name, text));
        }
        [name, rest @ ..] => {
            let child = node
                .entry(*name)
                .or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(child) = child {
                insert(child, rest, text);
            }
        }
    }
}

/// Converts a value to the type that the vendor declares for its name.
fn leaf(name: &str, text: &str) -> Value {
    let typed = if NUMBERS.contains(&name) {
        text.parse::<i64>().ok().map(Value::from)
    } else if SWITCHES.contains(&name) {
        text.to_ascii_lowercase()
            .parse::<bool>()
            .ok()
            .map(Value::from)
    } else {
        None
    };
    typed.unwrap_or_else(|| Value::from(text))
}

/// Converts objects whose keys are 0, 1, 2 and so on to arrays.
fn arrays_from_indices(node: Map<String, Value>) -> Value {
    let children: Map<String, Value> = node
        .into_iter()
        .map(|(name, value)| match value {
            Value::Object(child) => (name, arrays_from_indices(child)),
            other => (name, other),
        })
        .collect();
    let listed = (0..children.len()).all(|index| children.contains_key(&index.to_string()));
    if children.is_empty() || !listed {
        return Value::Object(children);
    }
    let by_index = |index: usize| children.get(&index.to_string()).cloned();
    Value::Array((0..children.len()).filter_map(by_index).collect())
}

// === impl Service ===

impl Service {
    const ALL: [Self; 3] = [Self::Scf, Self::Cls, Self::Sts];

    /// Returns the name of the service in scopes and hosts.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Scf => "scf",
            Self::Cls => "cls",
            Self::Sts => "sts",
        }
    }

    /// Returns the only version of the service in this cloud.
    pub(crate) fn version(self) -> &'static str {
        match self {
            Self::Scf => "2018-04-16",
            Self::Cls => "2020-10-16",
            Self::Sts => "2018-08-13",
        }
    }

    /// Returns the actions that are simulated.
    pub(crate) fn actions(self) -> &'static [&'static str] {
        match self {
            Self::Scf => &[
                "GetFunctionLogs",
                "ListNamespaces",
                "ListFunctions",
                "GetFunction",
            ],
            Self::Cls => &["SearchLog", "DescribeTopics", "DescribeIndex"],
            Self::Sts => &["AssumeRole", "AssumeRoleWithWebIdentity"],
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.name() == name)
    }

    /// Determines the service of a request whose scope does not name it: by the vendor's host,
    /// otherwise by the version.
    fn guess(request: &Request, version: &str) -> Result<Self, Problem> {
        let by_host = hosts::service_of(&request.host).and_then(Self::named);
        let by_version = Self::ALL.into_iter().find(|s| s.version() == version);
        by_host.or(by_version).ok_or_else(Problem::unknown_version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const HEADERS: [(&str, &str); 4] = [
        ("authorization", "SKIP"),
        ("x-tc-action", "A"),
        ("x-tc-version", "2018-08-13"),
        ("x-tc-timestamp", "1"),
    ];

    fn form(text: &str) -> Value {
        nested(&Params::parse(text.as_bytes()).unwrap())
    }

    #[test]
    fn forms_become_the_json_they_stand_for() {
        for (text, expected) in [
            (
                "Action=A&Limit=10&FunctionName=7&Filter.RetCode=is0&UseNewAnalysis=True",
                json!({"Limit": 10, "FunctionName": "7", "Filter": {"RetCode": "is0"},
                    "UseNewAnalysis": true}),
            ),
            (
                "Topics.0.TopicId=a&Topics.1.TopicId=b&Topics.1.Context=c",
                json!({"Topics": [{"TopicId": "a"}, {"TopicId": "b", "Context": "c"}]}),
            ),
            ("L.1=b&L.0=a", json!({"L": ["a", "b"]})),
            ("L.1=b", json!({"L": {"1": "b"}})),
            ("Limit=x&A=1&A.B=2", json!({"Limit": "x", "A": "1"})),
            ("", json!({})),
        ] {
            assert_eq!(form(text), expected);
        }
        let deep = form(&format!("{}=1", "a.".repeat(10_000)));
        assert!(deep.is_object());
    }

    fn post(headers: &[(&str, &str)], body: &str) -> Request {
        let owned = |(k, v): &(&str, &str)| ((*k).to_owned(), (*v).to_owned());
        Request {
            method: "POST".to_owned(),
            path: "/".to_owned(),
            host: "127.0.0.1:1".to_owned(),
            headers: headers.iter().map(owned).collect(),
            body: body.into(),
            ..Request::default()
        }
    }

    #[test]
    fn the_service_is_found_in_scope_host_or_version() {
        let service = |request: &Request| Call::read(request).unwrap().service;
        assert_eq!(service(&post(&HEADERS, "")), Service::Sts);
        let body = "Action=A&Version=2020-10-16&Timestamp=1&Nonce=1&SecretId=i&Signature=s";
        assert_eq!(service(&post(&[], body)), Service::Cls);
        let mut request = post(&[], &body.replace("2020-10-16", "2020-01-01"));
        assert_eq!(Call::read(&request).unwrap_err().code, "NoSuchVersion");
        request.host = "scf.tencentcloudapi.com".to_owned();
        assert_eq!(service(&request), Service::Scf);
    }

    #[test]
    fn missing_and_invalid_parts_are_reported() {
        let code = |request: &Request| Call::read(request).unwrap_err().code;
        assert_eq!(code(&post(&[], "")), "MissingParameter");
        assert_eq!(
            code(&post(&[("authorization", "Basic eA==")], "")),
            "AuthFailure.InvalidAuthorization"
        );
        for body in ["{", "[]", "null", "\u{1F680}"] {
            assert_eq!(code(&post(&HEADERS, body)), "InvalidParameter", "{body}");
        }
        assert_eq!(code(&post(&HEADERS[..3], "{}")), "MissingParameter");
    }
}
