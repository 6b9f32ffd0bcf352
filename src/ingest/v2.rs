//! The legacy v2 API: `GetFunctionLogs` without a time range, newest first by offset, and
//! `ListFunctions`.

mod body;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod list;
mod logs;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::timeout;

use super::page::{DEFAULT_NAMESPACE, ParseContext};
use super::page_size::PageSize;
use super::stream_mode::{self, StreamMode, Streams};
use super::{DiscoveryIssues, Flow, Listing, LogSource, PageSink, ReadReport, SourceScope, Span};
use crate::config::{FunctionFilter, FunctionSelector};
use crate::ledger::{
    AllowedLateness, Functions, ListScan, ListedFunction, NextPage, PagedRead, Scope, TargetId,
};
use crate::model::{FunctionId, Page, RejectReason, Timestamp};
use list::Lister;
use logs::LogsAnswer;
use tencentcloud::{ApiError, BoxFuture, Client, ErrorClass};

/// Rows of the first page of a read; later pages are larger.
const FIRST_PAGE: usize = 100;
/// Newest rows of one function that a look passes by where they cannot be had.
const LOOK_PAST: u64 = 3;
/// Functions that are named are read without the list after so long.
const LIST_PATIENCE: Duration = Duration::from_secs(10);

/// A region read through the v2 API.
pub struct V2Source {
    client: Client,
    lister: Lister,
    place: SourceScope,
    /// v2 knows no namespaces: all are wanted.
    wanted: FunctionSelector,
    mode: StreamMode,
    /// The largest page asked for.
    page_max: usize,
    /// Rows a request, of each target: a row that cannot be had makes the pages of its own smaller.
    sizes: Mutex<HashMap<TargetId, Arc<PageSize>>>,
    /// The documents spell the sort key `start_time` in English and `startTime` in Chinese; which
    /// one the API obeys is known only when it does.
    camel_sort_key: AtomicBool,
    remarks: Mutex<DiscoveryIssues>,
    /// The account may not list functions. Where their names are configured it is asked no more:
    /// each refusal would look like a right that is missed.
    may_not_list: AtomicBool,
}

impl V2Source {
    /// A source over `client`. `page_max` is the largest page asked for.
    pub fn new(
        client: Client,
        place: SourceScope,
        filter: FunctionFilter,
        page_max: usize,
    ) -> Self {
        Self {
            client,
            lister: Lister::new(),
            mode: StreamMode::new(place.read),
            place,
            wanted: FunctionSelector {
                functions: filter,
                ..FunctionSelector::default()
            },
            page_max: page_max.max(1),
            sizes: Mutex::default(),
            camel_sort_key: AtomicBool::new(false),
            remarks: Mutex::default(),
            may_not_list: AtomicBool::new(false),
        }
    }

    async fn read_pages(
        &self,
        target: &TargetId,
        span: Span,
        sink: &mut dyn PageSink,
    ) -> Result<ReadReport, ApiError> {
        let context = self.context(target);
        let mut report = ReadReport::default();
        let size = self.size_of(target);
        let mut read = PagedRead::new(span.from, FIRST_PAGE, self.page_max);
        let mut next = read.first();
        let mut goes_well = false;
        while let NextPage::Fetch { offset, limit } = next {
            let limit = size.get().min(limit);
            let mut answer = match self.fetch(context, offset, limit).await {
                Ok(answer) => answer,
                Err(refused) if refused.asks_for_less() => {
                    if !size.shrink(limit) {
                        next = read.refused().ok_or(refused)?;
                    }
                    continue;
                }
                // A read of many pages lasts longer than it is from one storm to the next.
                Err(error) if error.class.is_retryable() && goes_well => {
                    goes_well = false;
                    continue;
                }
                Err(error) => return Err(error),
            };
            goes_well = true;
            size.grow(limit);
            report.pages += 1;
            let stepped_over = (0..read.stepped()).map(|_| RejectReason::Unavailable);
            answer.page.rejects.extend(stepped_over);
            if !answer.shape.sorted {
                self.camel_sort_key.fetch_xor(true, Ordering::Relaxed);
            }
            next = read.took(answer.shape);
            if sink.put(answer.page).await == Flow::Stop {
                return Ok(report);
            }
        }
        report.complete = read.is_complete();
        report.confirmed = report.complete;
        // Of rows that moved while it was read some may be missing.
        report.missing = !report.complete;
        report.truncated = read.is_truncated();
        Ok(report)
    }

    fn context<'c>(&'c self, target: &'c TargetId) -> ParseContext<'c> {
        ParseContext {
            target,
            wanted: &self.wanted,
        }
    }

    fn size_of(&self, target: &TargetId) -> Arc<PageSize> {
        let mut sizes = self.sizes.lock();
        let size = sizes.entry(target.clone());
        size.or_insert_with(|| Arc::new(PageSize::new(self.page_max)))
            .clone()
    }

    async fn fetch(
        &self,
        context: ParseContext<'_>,
        offset: u64,
        limit: usize,
    ) -> Result<LogsAnswer, ApiError> {
        let camel = self.camel_sort_key.load(Ordering::Relaxed);
        let mut params = vec![
            ("offset", offset.to_string()),
            ("limit", limit.to_string()),
            ("order", "desc".to_owned()),
            (
                "orderby",
                if camel { "startTime" } else { "start_time" }.to_owned(),
            ),
        ];
        if let Scope::Function(function) = &context.target.scope {
            params.push(("functionName", function.name.to_string()));
        }
        let parse = |body: &[u8]| logs::parse(body, context, offset);
        self.client.call("GetFunctionLogs", &params, parse).await
    }

    /// The functions, each with the target by which it is read.
    async fn list_targets(&self) -> Result<Listing, ApiError> {
        let names = match self.names().await {
            Ok(names) => names,
            Err(error) => {
                self.mode.not_listed();
                return Err(error);
            }
        };
        let functions: Vec<FunctionId> = names.iter().map(|name| self.function(name)).collect();
        let streams = functions.iter().cloned().map(TargetId::function).collect();
        let streams = BTreeMap::from([(self.region_target(), streams)]);
        self.mode.listed(streams, self.client.now());
        let listed = functions.into_iter().map(|function| ListedFunction {
            target: if self.mode.is_aggregated(&self.region_target()) {
                self.region_target()
            } else {
                TargetId::function(function.clone())
            },
            function,
            about: None,
        });
        let functions: Vec<ListedFunction> = listed.collect();
        let is_read = |target: &TargetId| functions.iter().any(|one| one.target == *target);
        let mut sizes = self.sizes.lock();
        sizes.retain(|target, _| is_read(target));
        drop(sizes);
        let selector = FunctionSelector {
            account: self.place.account.to_string(),
            region: self.place.region.to_string(),
            namespaces: FunctionFilter::new(vec![DEFAULT_NAMESPACE.into()], Vec::new(), Vec::new()),
            functions: self.wanted.functions.clone(),
        };
        let would_name = move |function: &FunctionId| selector.selects(function);
        let look = ListScan {
            named: functions.iter().map(|one| one.function.clone()).collect(),
            would_name: Functions::new(would_name),
            is_certain: true,
        };
        Ok(Listing {
            functions,
            complete: true,
            look: Some(look),
        })
    }

    /// The wanted names. Where all of them are configured they are read whatever the list says,
    /// which is asked for only to tell a slip among them.
    async fn names(&self) -> Result<BTreeSet<String>, ApiError> {
        let Some(configured) = self.wanted.functions.exact_names() else {
            let mut listed = self.lister.names(&self.client, &[]).await?;
            self.remark(&listed);
            listed.retain(|name| self.wanted.functions.wants(name));
            return Ok(listed);
        };
        if !self.may_not_list.load(Ordering::Relaxed) {
            let listing = self.lister.names(&self.client, configured);
            match timeout(LIST_PATIENCE, listing).await {
                Ok(Ok(listed)) => self.remark(&listed),
                Ok(Err(error)) if error.class == ErrorClass::Authentication => {
                    self.may_not_list.store(true, Ordering::Relaxed);
                }
                // It is asked for again in a while.
                Ok(Err(_)) | Err(_) => {}
            }
        }
        Ok(configured.iter().cloned().collect())
    }

    fn remark(&self, listed: &BTreeSet<String>) {
        let mut remarks = DiscoveryIssues::default();
        let met = listed.iter().map(|name| name.as_str().into()).collect();
        for one in self.wanted.functions.unmatched(&met) {
            remarks.add_unmatched(one.describe("function"));
        }
        *self.remarks.lock() = remarks;
    }

    fn function(&self, name: &str) -> FunctionId {
        FunctionId {
            account: self.place.account.clone(),
            region: self.place.region.clone(),
            namespace: DEFAULT_NAMESPACE.into(),
            name: name.into(),
        }
    }

    fn region_target(&self) -> TargetId {
        TargetId::region(&self.place.region).of_account(&self.place.account)
    }
}

impl LogSource for V2Source {
    /// v2 answers for a whole region without being asked for functions.
    fn standing_targets(&self) -> Vec<TargetId> {
        let region = self.region_target();
        let region = Some(region).filter(|region| self.mode.is_aggregated(region));
        region.into_iter().collect()
    }

    fn list(&self) -> BoxFuture<'_, Result<Listing, ApiError>> {
        Box::pin(self.list_targets())
    }

    fn remarks(&self) -> DiscoveryIssues {
        self.remarks.lock().clone()
    }

    stream_mode::read_in_its_mode!();

    fn allowed_lateness(&self, _: &TargetId) -> AllowedLateness {
        self.place.allowed_lateness_of_calls()
    }

    fn now(&self) -> Timestamp {
        self.client.now()
    }
}

impl Streams for V2Source {
    fn stream_mode(&self) -> &StreamMode {
        &self.mode
    }

    fn read_target<'a>(
        &'a self,
        target: &'a TargetId,
        span: Span,
        sink: &'a mut dyn PageSink,
    ) -> BoxFuture<'a, Result<ReadReport, ApiError>> {
        Box::pin(self.read_pages(target, span, sink))
    }

    fn spot_check<'a>(
        &'a self,
        function: &'a TargetId,
        _: Span,
    ) -> BoxFuture<'a, Result<Page, ApiError>> {
        Box::pin(async move {
            let context = self.context(function);
            // A sample is enough: what cannot be had is passed by.
            let (mut offset, mut limit) = (0, FIRST_PAGE);
            loop {
                match self.fetch(context, offset, limit).await {
                    Err(refused) if refused.asks_for_less() && limit > 1 => limit /= 2,
                    Err(refused) if refused.asks_for_less() && offset < LOOK_PAST => offset += 1,
                    answer => return Ok(answer?.page),
                }
            }
        })
    }
}
