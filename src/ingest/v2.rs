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
use super::{
    CompleteList, DiscoveryIssues, Flow, Listing, LogSource, PageSink, ReadReport, SourceScope,
    Span,
};
use crate::config::{FunctionFilter, FunctionSelector};
use crate::ledger::{
    AllowedLateness, Functions, ListScan, ListedFunction, NextPage, PagedRead, Scope, TargetId,
};
use crate::model::{FunctionId, Page, RejectReason};
use list::Lister;
use logs::LogsAnswer;
use tencentcloud::{ApiError, BoxFuture, Client, ErrorClass};

/// Rows of the first page of a read; later pages are larger.
const FIRST_PAGE: usize = 100;
/// Newest rows of one function that a spot check skips because no response with them arrives.
const SKIPPED_MAX: u64 = 3;
/// Time after which configured functions are read without the list.
const LIST_TIMEOUT: Duration = Duration::from_secs(10);

/// A region read through the v2 API.
pub struct V2Source {
    client: Client,
    lister: Lister,
    place: SourceScope,
    wanted: FunctionSelector,
    mode: StreamMode,
    /// The largest page size.
    page_max: usize,
    /// The page size of each target: a row that no response can bring makes only its own pages smaller.
    sizes: Mutex<HashMap<TargetId, Arc<PageSize>>>,
    /// The documents spell the sort key `start_time` in English and `startTime` in Chinese; the rows
    /// show which one the API accepts.
    camel_sort_key: AtomicBool,
    /// The issues of the last list.
    issues: Mutex<DiscoveryIssues>,
    /// The account may not list functions. If their names are configured the list is not requested
    /// again: each refusal would look like a missing permission.
    may_not_list: AtomicBool,
}

impl V2Source {
    /// A source over `client`. `page_max` is the largest page size.
    pub fn new(
        client: Client,
        place: SourceScope,
        filter: FunctionFilter,
        page_max: usize,
    ) -> Self {
        // v2 has no namespaces.
        let namespace = vec![DEFAULT_NAMESPACE.into()];
        let wanted = FunctionSelector {
            account: place.account.to_string(),
            region: place.region.to_string(),
            namespaces: FunctionFilter::new(namespace, Vec::new(), Vec::new()),
            functions: filter,
        };
        Self {
            client,
            lister: Lister::new(),
            mode: StreamMode::new(place.read),
            place,
            wanted,
            page_max: page_max.max(1),
            sizes: Mutex::default(),
            camel_sort_key: AtomicBool::new(false),
            issues: Mutex::default(),
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
                // A read of many pages may meet several short outages.
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
        // Rows that moved during the read may be missing.
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

    /// Lists the functions, each with the target by which it is read.
    async fn list_targets(&self) -> Result<Listing, ApiError> {
        let names = self.names().await;
        let names = names.inspect_err(|_| self.mode.not_listed())?;
        let namespace = Arc::from(DEFAULT_NAMESPACE);
        let function = |name: &String| self.place.function(Arc::clone(&namespace), name);
        let named: BTreeSet<FunctionId> = names.iter().map(function).collect();
        let streams = named.iter().cloned().map(TargetId::function).collect();
        (self.mode).listed(BTreeMap::from([(self.region_target(), streams)]));
        let functions = named.iter().map(|function| ListedFunction {
            target: self.mode.target_of(self.region_target(), function),
            function: function.clone(),
            about: None,
        });
        let functions: Vec<ListedFunction> = functions.collect();
        let is_read = |target: &TargetId| functions.iter().any(|one| one.target == *target);
        self.sizes.lock().retain(|target, _| is_read(target));
        let wanted = self.wanted.clone();
        let scan = ListScan {
            named,
            would_name: Functions::new(move |function: &FunctionId| wanted.selects(function)),
            is_certain: true,
        };
        let issues = self.issues.lock().clone();
        Ok(Listing {
            functions,
            complete: Some(CompleteList { scan, issues }),
        })
    }

    /// Returns the selected names. If all of them are configured they are read whatever the list
    /// says, which then only serves to find misspelled ones.
    async fn names(&self) -> Result<BTreeSet<String>, ApiError> {
        let Some(configured) = self.wanted.functions.exact_names() else {
            let mut listed = self.lister.names(&self.client, &[]).await?;
            self.check_names(&listed);
            listed.retain(|name| self.wanted.functions.wants(name));
            return Ok(listed);
        };
        if !self.may_not_list.load(Ordering::Relaxed) {
            let listing = self.lister.names(&self.client, configured);
            match timeout(LIST_TIMEOUT, listing).await {
                Ok(Ok(listed)) => self.check_names(&listed),
                Ok(Err(error)) if error.class == ErrorClass::Authentication => {
                    self.may_not_list.store(true, Ordering::Relaxed);
                }
                // It is requested again later.
                Ok(Err(_)) | Err(_) => {}
            }
        }
        Ok(configured.iter().cloned().collect())
    }

    fn check_names(&self, listed: &BTreeSet<String>) {
        let listed = listed.iter().map(|name| name.as_str().into()).collect();
        let mut issues = DiscoveryIssues::default();
        issues.add_unmatched(&self.wanted.functions.unmatched(&listed), "function");
        *self.issues.lock() = issues;
    }

    fn region_target(&self) -> TargetId {
        TargetId::region(&self.place.region).of_account(&self.place.account)
    }
}

impl LogSource for V2Source {
    /// v2 returns the rows of a whole region without a list of functions.
    fn standing_targets(&self) -> Vec<TargetId> {
        let region = self.region_target();
        let region = Some(region).filter(|region| self.mode.is_aggregated(region));
        region.into_iter().collect()
    }

    fn list(&self) -> BoxFuture<'_, Result<Listing, ApiError>> {
        Box::pin(self.list_targets())
    }

    stream_mode::read_in_its_mode!();

    fn allowed_lateness(&self, _: &TargetId) -> AllowedLateness {
        self.place.allowed_lateness(None)
    }
}

impl Streams for V2Source {
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
            // A sample is enough: rows that no response can bring are skipped.
            let (mut offset, mut limit) = (0, FIRST_PAGE);
            loop {
                match self.fetch(context, offset, limit).await {
                    Err(refused) if refused.asks_for_less() && limit > 1 => limit /= 2,
                    Err(refused) if refused.asks_for_less() && offset < SKIPPED_MAX => offset += 1,
                    answer => return Ok(answer?.page),
                }
            }
        })
    }
}
