//! Reads the payload, or the reason of failure, from a response.

use serde::de::{DeserializeOwned, IgnoredAny};

use crate::envelope::{self, Api3Response, Head, Malformed, parse_head};
use crate::error::{AttemptError, Refusal};
use crate::service::Service;
use crate::transport::HttpResponse;

/// Reads a response of the legacy API. The vendor sends status 200 even for errors; another status
/// comes from a gateway unless the body has the API's format.
pub(super) fn read_legacy<T>(
    service: Service,
    response: &HttpResponse,
    parse: &impl Fn(&[u8]) -> Result<(Head, Option<T>), Malformed>,
) -> Result<T, AttemptError> {
    let failed = || match parse_head(&response.body) {
        Ok(head) => (head.code != 0).then(|| refused(Refusal::legacy(head), response)),
        Err(_) => answered_by_another(service, response),
    };
    if response.status != 200 {
        let refusal = failed().filter(|error| matches!(error, AttemptError::Api(_)));
        return Err(refusal.unwrap_or(AttemptError::Status(response.status)));
    }
    match parse(&response.body) {
        Ok((head, _)) if head.code != 0 => Err(refused(Refusal::legacy(head), response)),
        Ok((_, Some(payload))) => Ok(payload),
        Ok((_, None)) => Err(AttemptError::NoPayload),
        // The payload of a failure may have another shape than that of a success.
        Err(malformed) => Err(failed().unwrap_or_else(|| unreadable(malformed, response))),
    }
}

/// Reads a response in the format of API 3.0 that a client of the legacy API received. Either the
/// endpoint belongs to API 3.0, or a gateway refused the request, and then its error code is the
/// useful one.
fn answered_by_another(service: Service, response: &HttpResponse) -> Option<AttemptError> {
    match envelope::read::<IgnoredAny>(&response.body).ok()? {
        Api3Response::Error(error) => Some(refused(Refusal::named(service, error), response)),
        Api3Response::Payload(_) => {
            let malformed = Malformed::other("an answer of API 3.0");
            Some(unreadable(malformed, response))
        }
        Api3Response::Legacy(_) => None,
    }
}

/// Reads a response of API 3.0. A status other than 200 counts only if the body has no code.
pub(super) fn read_response<T: DeserializeOwned>(
    service: Service,
    response: &HttpResponse,
) -> Result<T, AttemptError> {
    match (envelope::read(&response.body), response.status) {
        (Ok(Api3Response::Error(error)), _) => {
            Err(refused(Refusal::named(service, error), response))
        }
        (Ok(Api3Response::Legacy(head)), _) => Err(refused(Refusal::legacy(head), response)),
        (Ok(Api3Response::Payload(payload)), 200) => Ok(payload),
        (Err(malformed), 200) => Err(unreadable(malformed, response)),
        (_, status) => Err(AttemptError::Status(status)),
    }
}

fn refused(refusal: Refusal, response: &HttpResponse) -> AttemptError {
    AttemptError::Api(Box::new(refusal.at(response.header("date"))))
}

fn unreadable(malformed: Malformed, response: &HttpResponse) -> AttemptError {
    let content_type = response.header("content-type");
    AttemptError::Body {
        malformed,
        content_type: content_type.unwrap_or("no content type").to_owned(),
        bytes: response.body.len(),
    }
}
