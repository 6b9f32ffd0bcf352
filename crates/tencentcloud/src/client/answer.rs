//! From an answer's bytes to a payload or the fault that stands in it.

use serde::de::{DeserializeOwned, IgnoredAny};

use crate::envelope::{self, Answer, Head, Malformed, parse_head};
use crate::error::{Fault, Refusal};
use crate::service::Service;
use crate::transport::HttpResponse;

/// Judges an answer of the legacy API. The vendor answers 200 even for errors; another status
/// comes from a gateway, unless its body says otherwise.
pub(super) fn judge_legacy<T>(
    service: Service,
    response: &HttpResponse,
    parse: &impl Fn(&[u8]) -> Result<(Head, Option<T>), Malformed>,
) -> Result<T, Fault> {
    let failed = || match parse_head(&response.body) {
        Ok(head) => (head.code != 0).then(|| refused(Refusal::legacy(head), response)),
        Err(_) => answered_by_another(service, response),
    };
    if response.status != 200 {
        let told = failed().filter(|fault| matches!(fault, Fault::Api(_)));
        return Err(told.unwrap_or(Fault::Status(response.status)));
    }
    match parse(&response.body) {
        Ok((head, _)) if head.code != 0 => Err(refused(Refusal::legacy(head), response)),
        Ok((_, Some(payload))) => Ok(payload),
        Ok((_, None)) => Err(Fault::NoPayload),
        // A failure may carry a payload of another shape than success does.
        Err(malformed) => Err(failed().unwrap_or_else(|| unreadable(malformed, response))),
    }
}

/// What an answer of API 3.0 says to a client of the legacy API: the endpoint is that of the other
/// one, or a gateway answers in its place, and what it says is what helps.
fn answered_by_another(service: Service, response: &HttpResponse) -> Option<Fault> {
    match envelope::read::<IgnoredAny>(&response.body).ok()? {
        Answer::Error {
            code,
            message,
            request_id,
        } => {
            let refusal = Refusal::named(service, code, message, request_id);
            Some(refused(refusal, response))
        }
        Answer::Payload(_) => {
            let malformed = Malformed::other("an answer of API 3.0");
            Some(unreadable(malformed, response))
        }
        Answer::Legacy(_) => None,
    }
}

/// Judges an answer of API 3.0, by the same reading of statuses.
pub(super) fn judge_response<T: DeserializeOwned>(
    service: Service,
    response: &HttpResponse,
) -> Result<T, Fault> {
    match (envelope::read(&response.body), response.status) {
        (
            Ok(Answer::Error {
                code,
                message,
                request_id,
            }),
            _,
        ) => Err(refused(
            Refusal::named(service, code, message, request_id),
            response,
        )),
        (Ok(Answer::Legacy(head)), _) => Err(refused(Refusal::legacy(head), response)),
        (Ok(Answer::Payload(payload)), 200) => Ok(payload),
        (Err(malformed), 200) => Err(unreadable(malformed, response)),
        (_, status) => Err(Fault::Status(status)),
    }
}

fn refused(refusal: Refusal, response: &HttpResponse) -> Fault {
    Fault::Api(Box::new(refusal.at(response.header("date"))))
}

fn unreadable(malformed: Malformed, response: &HttpResponse) -> Fault {
    let content_type = response.header("content-type");
    Fault::Body {
        malformed,
        content_type: content_type.unwrap_or("no content type").to_owned(),
        bytes: response.body.len(),
    }
}
