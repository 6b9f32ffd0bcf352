//! The types of the domain: ids, units, the invocation and its outcome. Pure.

mod batch;
mod function;
mod invocation;
mod outcome;
mod units;

pub use batch::Batch;
pub use function::{FunctionConfig, FunctionId};
pub use invocation::{ColdStart, InvocationKey, Page, RejectReason, Row, attempt_id, is_uuid};
pub use outcome::{Outcome, RetCode};
pub use tencentcloud::Timestamp;
pub use units::{Bytes, Nanos};
