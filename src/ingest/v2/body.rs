//! The body of any response of v2: the envelope's head, a total, and the data.

use serde::Deserialize;

use crate::ingest::scalar;
use tencentcloud::{Code, Head, Malformed, parse_head};

pub(super) struct Body<T> {
    pub(super) head: Head,
    /// Number of matches, if it is outside of the data.
    pub(super) total: Option<u64>,
    /// `None` without data, or with the data of another action.
    pub(super) data: Option<T>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireBody<T> {
    code: Code,
    #[serde(default, deserialize_with = "scalar::text")]
    message: Option<String>,
    #[serde(default, deserialize_with = "scalar::text")]
    code_desc: Option<String>,
    #[serde(default, deserialize_with = "scalar::count")]
    total: Option<u64>,
    data: Option<T>,
}

pub(super) fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<Body<T>, Malformed> {
    match serde_json::from_slice::<WireBody<T>>(body) {
        Ok(wire) => Ok(Body {
            head: Head::new(wire.code, wire.message, wire.code_desc),
            total: wire.total,
            data: wire.data,
        }),
        Err(error) if error.is_data() => Ok(Body {
            head: parse_head(body)?,
            total: None,
            data: None,
        }),
        Err(error) => Err(error.into()),
    }
}
