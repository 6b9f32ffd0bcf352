//! An error response of either API.

use crate::codes::{self, Verdict};
use crate::envelope::{Head, NamedError};
use crate::service::Service;

/// An error that the cloud returned.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub verdict: Verdict,
    /// The vendor's whole code.
    pub code: String,
    pub message: String,
    pub request_id: Option<String>,
    /// The `Date` of the response, if the code says that the clocks differ.
    pub date: Option<String>,
}

/// The vendor's codes for a timestamp that is too far off or used twice.
const CLOCK_CODES: [&str; 3] = ["4200", "4500", "AuthFailure.SignatureExpire"];

// === impl Refusal ===

impl Refusal {
    /// Creates a refusal of the legacy API. Its code is a number, and the name of the code precedes
    /// the message.
    pub fn legacy(head: Head) -> Self {
        let message = match (head.message.as_str(), head.code_desc.as_str()) {
            ("", name) => name.to_owned(),
            (message, "") => message.to_owned(),
            (message, name) => format!("{name}: {message}"),
        };
        Self {
            verdict: codes::classify(head.code),
            code: head.code.to_string(),
            request_id: request_id_within(&head.message).map(str::to_owned),
            message,
            date: None,
        }
    }

    /// Creates a refusal of API 3.0, whose code is a name.
    pub fn named(service: Service, error: NamedError) -> Self {
        Self {
            verdict: codes::classify_name(service, &error.code),
            code: error.code,
            message: error.message,
            request_id: error.request_id.filter(|id| !id.is_empty()),
            date: None,
        }
    }

    /// Adds the date of the response, if the code says that the clocks differ.
    pub fn at(mut self, date: Option<&str>) -> Self {
        if self.is_of_time() {
            self.date = date.map(str::to_owned);
        }
        self
    }

    /// Returns whether the code says that the clocks differ.
    pub fn is_of_time(&self) -> bool {
        CLOCK_CODES.contains(&self.code.as_str())
    }

    /// Returns the message, with the cloud's date if the clocks differ.
    pub fn text(&self) -> String {
        let is_empty = self.message.is_empty();
        let message = if is_empty {
            "no message"
        } else {
            &self.message
        };
        match &self.date {
            Some(date) => format!("{message} (the cloud's clock: {date})"),
            None => message.to_owned(),
        }
    }
}

/// Finds the request id in a message. The legacy API has no field for it; some modules append
/// `[request id:...]`, sometimes empty.
fn request_id_within(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("[request id:")?;
    let (id, _) = rest.split_once(']')?;
    let id = id.trim();
    (!id.is_empty()).then_some(id)
}
