//! Machine metadata: the keys of the role that is bound to a machine.

use super::http::{Request, Response};
use super::json::Object;
use super::keys::Keyring;
use super::settings::{Role, TemporaryKey};
use super::sts::expiration;

/// The current keys of the machine.
#[derive(Default)]
pub(crate) struct Metadata {
    current: Option<TemporaryKey>,
}

/// Path prefix of the metadata service.
pub(crate) const PREFIX: &str = "/latest/meta-data/";
const CREDENTIALS: &str = "cam/security-credentials";

// === impl Metadata ===

impl Metadata {
    /// Answers a request for the path after [`PREFIX`].
    pub(crate) fn answer(
        &mut self,
        request: &Request,
        role: &Role,
        keys: &mut Keyring,
        clock_ms: i64,
    ) -> Response {
        if request.method != "GET" {
            return Response::wrong_method();
        }
        let part = request.path.strip_prefix(PREFIX);
        let rest = part.and_then(|part| part.strip_prefix(CREDENTIALS));
        let (Some(name), Some(rest)) = (&role.machine_role, rest) else {
            return Response::not_found();
        };
        match rest.strip_prefix('/').unwrap_or(rest) {
            "" => Response::text(200, name),
            asked if asked == name => Response::bare_json(document(self.key(role, keys, clock_ms))),
            _ => Response::not_found(),
        }
    }

    /// Returns the current key, or a new one if less than half of its lifetime is left.
    fn key(&mut self, role: &Role, keys: &mut Keyring, clock_ms: i64) -> &TemporaryKey {
        let half_ms = i64::try_from(role.lifetime_s.saturating_mul(500)).unwrap_or(i64::MAX);
        let fresh = self
            .current
            .take()
            .filter(|key| key.expires_ms.saturating_sub(clock_ms) >= half_ms);
        self.current
            .insert(fresh.unwrap_or_else(|| keys.issue(role.lifetime_s, clock_ms)))
    }
}

fn document(key: &TemporaryKey) -> String {
    let mut out = String::new();
    let mut answer = Object::open(&mut out);
    answer
        .text("TmpSecretId", &key.secret_id)
        .text("TmpSecretKey", &key.secret_key)
        .raw("ExpiredTime", key.expires_ms.div_euclid(1_000))
        .text("Expiration", &expiration(key))
        .text("Token", &key.token)
        .text("Code", "Success");
    answer.close();
    out
}
