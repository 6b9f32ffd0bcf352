//! Doubles that the tests of all adapters use.

use std::collections::BTreeMap;
use std::future::ready;

use super::discovery::{Found, FoundList, Lister};
use super::*;
use crate::model::{InvocationKey, RejectReason, Row};
use parking_lot::Mutex;
use tencentcloud::ErrorClass;

/// Answers requests in place of the cloud.
pub(super) trait Answers: Send + Sync + 'static {
    /// Returns the content of `Response`.
    fn answer(&self, params: &Value) -> Result<Value, ApiError>;
}

impl<A: Answers> JsonApi for Arc<A> {
    fn call_json<T: DeserializeOwned + Send>(
        &self,
        _: &'static str,
        params: &Value,
    ) -> impl Future<Output = Result<T, ApiError>> + Send {
        let answer = self.answer(params);
        ready(answer.map(|body| serde_json::from_value(body).unwrap()))
    }
}

/// Takes pages and knows the invocations in them, as the ledger does.
#[derive(Default)]
pub(super) struct Taken {
    pub(super) pages: Vec<Page>,
    pub(super) known: BTreeMap<InvocationKey, (FunctionId, Timestamp)>,
    pub(super) reached: Vec<Timestamp>,
    /// Says how many invocations of a span are known.
    pub(super) counts: bool,
    /// Stops at the page of this number.
    pub(super) stops_at: Option<usize>,
    /// Stops at a page of which everything is known.
    pub(super) stops_when_known: bool,
}

impl Taken {
    pub(super) fn rows(&self) -> impl Iterator<Item = &Row> {
        self.pages.iter().flat_map(|page| &page.rows)
    }

    /// The number of rejects, all of which must be unavailable rows.
    pub(super) fn unavailable(&self) -> usize {
        let rejects = self.pages.iter().flat_map(|page| &page.rejects);
        let is_unavailable = |reason: &RejectReason| *reason == RejectReason::Unavailable;
        assert!(rejects.clone().all(is_unavailable));
        rejects.count()
    }
}

impl PageSink for Taken {
    fn put(&mut self, page: Page) -> BoxFuture<'_, Flow> {
        let before = self.known.len();
        self.known.extend(page.rows.iter().map(|row| {
            let function = page.functions[usize::from(row.function)].clone();
            (row.key, (function, row.position))
        }));
        self.pages.push(page);
        let stops = self.stops_at == Some(self.pages.len())
            || self.stops_when_known && self.known.len() == before;
        Box::pin(ready(if stops { Flow::Stop } else { Flow::Continue }))
    }

    fn reached(&mut self, position: Timestamp) -> BoxFuture<'_, Flow> {
        self.reached.push(position);
        Box::pin(ready(Flow::Continue))
    }

    fn met(&mut self, span: Range<Timestamp>) -> BoxFuture<'_, Option<Vec<(FunctionId, u64)>>> {
        let met = self.known.values().filter(|(_, at)| span.contains(at));
        let met = met.map(|(function, _)| (function.clone(), 1)).collect();
        Box::pin(ready(self.counts.then_some(met)))
    }
}

/// Lists the same functions each time.
pub(super) struct Listed(pub(super) Mutex<Result<FoundList, ApiError>>);

impl Listed {
    pub(super) fn new(list: Result<FoundList, ApiError>) -> Arc<Self> {
        Arc::new(Self(Mutex::new(list)))
    }
}

impl Lister for Listed {
    fn list(&self) -> BoxFuture<'_, Result<FoundList, ApiError>> {
        Box::pin(ready(self.0.lock().clone()))
    }
}

pub(super) fn complete(functions: Vec<Found>) -> FoundList {
    let scan = ListScan {
        named: functions.iter().map(|one| one.function.clone()).collect(),
        would_name: crate::ledger::Functions::new(|_| true),
        is_certain: true,
    };
    let issues = DiscoveryIssues::default();
    FoundList {
        functions,
        complete: Some(CompleteList { scan, issues }),
    }
}

pub(super) fn failure(class: ErrorClass, action: &str, code: &str) -> ApiError {
    ApiError {
        class,
        action: action.into(),
        endpoint: "cloud.test".into(),
        code: code.to_owned().into(),
        message: "no".into(),
        advice: "",
        request_id: None,
        attempts: 1,
    }
}

/// Calls run for 15 minutes at most, and rows are a minute late.
pub(super) fn place(account: &str, read: Read) -> SourceScope {
    SourceScope {
        account: account.into(),
        region: "ap-x".into(),
        read,
        max_run_time: Duration::from_secs(900),
        delivery_delay: Duration::from_secs(60),
    }
}

/// The sweep from `from` on, read at `now`.
pub(super) fn sweep(from: Timestamp, closed: Timestamp, now: Timestamp) -> Span {
    Span {
        mode: Mode::Sweep,
        from,
        closed,
        now,
        expected: 0,
    }
}

/// The same span as a tail read.
pub(super) fn tail(span: Span) -> Span {
    Span {
        mode: Mode::Tail,
        ..span
    }
}
