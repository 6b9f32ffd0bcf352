//! An answer that says no, whichever API said it.

use crate::codes::{self, Verdict};
use crate::envelope::Head;
use crate::service::Service;

/// What the cloud said instead of yes.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub verdict: Verdict,
    /// The vendor's whole code.
    pub code: String,
    pub message: String,
    pub request_id: Option<String>,
    /// The cloud's clock, where the code says that clocks disagree: the answer's `Date`.
    pub date: Option<String>,
}

/// The vendor's codes that mean two clocks disagree, or seem to.
const CLOCK_CODES: [&str; 3] = ["4200", "4500", "AuthFailure.SignatureExpire"];

// === impl Refusal ===

impl Refusal {
    /// Of the legacy API: a number, and a name that goes in front of the message.
    pub fn legacy(head: Head) -> Self {
        let message = match (head.message.as_str(), head.code_desc.as_str()) {
            ("", name) => name.to_owned(),
            (message, "") => message.to_owned(),
            (message, name) => format!("{name}: {message}"),
        };
        Self {
            verdict: codes::judge(head.code),
            code: head.code.to_string(),
            request_id: request_id_within(&head.message).map(str::to_owned),
            message,
            date: None,
        }
    }

    /// Of API 3.0: a name.
    pub fn named(
        service: Service,
        code: String,
        message: String,
        request_id: Option<String>,
    ) -> Self {
        Self {
            verdict: codes::judge_name(service, &code),
            code,
            message,
            request_id: request_id.filter(|id| !id.is_empty()),
            date: None,
        }
    }

    /// The same with the answer's date, where it says by how much clocks disagree.
    pub fn at(mut self, date: Option<&str>) -> Self {
        if self.is_of_time() {
            self.date = date.map(str::to_owned);
        }
        self
    }

    /// Whether the code says that clocks disagree.
    pub fn is_of_time(&self) -> bool {
        CLOCK_CODES.contains(&self.code.as_str())
    }

    /// The message, and the cloud's date where that helps.
    pub fn text(&self) -> String {
        let message = match self.message.as_str() {
            "" => "no message",
            message => message,
        };
        match &self.date {
            Some(date) => format!("{message} (the cloud's clock: {date})"),
            None => message.to_owned(),
        }
    }
}

/// v2 has no field for it; some modules write `[request id:...]` into the message, at times empty.
fn request_id_within(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("[request id:")?;
    let (id, _) = rest.split_once(']')?;
    let id = id.trim();
    (!id.is_empty()).then_some(id)
}
