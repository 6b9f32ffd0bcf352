//! From an answer's bytes to a payload or the fault that stands in it.

use serde::de::DeserializeOwned;

use crate::tencent::envelope::{self, Answer, Head, Malformed, parse_head};
use crate::tencent::error::{Fault, Refusal};
use crate::tencent::service::Service;
use crate::tencent::transport::HttpResponse;

/// Judges an answer of the legacy API. The vendor answers 200 even for errors; another status
/// comes from a gateway, unless its body says otherwise.
pub(super) fn judge_legacy<T>(
    response: &HttpResponse,
    parse: &impl Fn(&[u8]) -> Result<(Head, Option<T>), Malformed>,
) -> Result<T, Fault> {
    let failed = || {
        let head = parse_head(&response.body).ok()?;
        (head.code != 0).then(|| refused(Refusal::legacy(head), response))
    };
    if response.status != 200 {
        return Err(failed().unwrap_or(Fault::Status(response.status)));
    }
    match parse(&response.body) {
        Ok((head, _)) if head.code != 0 => Err(refused(Refusal::legacy(head), response)),
        Ok((_, Some(payload))) => Ok(payload),
        Ok((_, None)) => Err(Fault::NoPayload),
        // A failure may carry a payload of another shape than success does.
        Err(malformed) => Err(failed().unwrap_or_else(|| unreadable(malformed, response))),
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
