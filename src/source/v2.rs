//! The legacy v2 API: `GetFunctionLogs` without a time range, newest first by offset, and
//! `ListFunctions`.

#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod list;
mod logs;
mod plain;
mod row;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use super::strategy::{self, Strategy, Streams};
use super::{Flow, Listing, LogSource, PageSink, Place, ReadReport, Span};
use crate::config::FunctionFilter;
use crate::ledger::{Functions, Listed, Look, NextPage, PagedRead, Scope, TargetId};
use crate::model::{FunctionId, Page, Timestamp};
use crate::tencent::{ApiError, BoxFuture, Client, ErrorClass};
use logs::{Answer, Reading};

/// Rows of the first page of a read; later pages are larger.
const FIRST_PAGE: usize = 100;
/// Functions asked for in one `ListFunctions` call. The maximum is not documented.
const LIST_PAGE: usize = 100;
/// Start times are cut to the second: a call may have started this much after its position.
const CUT: Duration = Duration::from_secs(1);
/// `ListFunctions` pages at the most.
const LIST_PAGES_MAX: usize = 1_000;

/// A region read through the v2 API.
pub struct V2Source {
    client: Client,
    place: Place,
    filter: FunctionFilter,
    strategy: Strategy,
    /// The largest page worth asking for: the configured one, or less once the API refused it.
    page_max: AtomicUsize,
    /// The documents spell the sort key `start_time` in English and `startTime` in Chinese; which
    /// one the API obeys is known only when it does.
    camel_sort_key: AtomicBool,
}

impl V2Source {
    /// A source over `client`. `page_max` is the largest page asked for.
    pub fn new(client: Client, place: Place, filter: FunctionFilter, page_max: usize) -> Self {
        Self {
            client,
            strategy: Strategy::new(place.read),
            place,
            filter,
            page_max: AtomicUsize::new(page_max),
            camel_sort_key: AtomicBool::new(false),
        }
    }

    async fn read_pages(
        &self,
        target: &TargetId,
        span: Span,
        sink: &mut dyn PageSink,
    ) -> Result<ReadReport, ApiError> {
        let reading = Reading {
            target,
            filter: &self.filter,
        };
        let mut report = ReadReport::default();
        let mut read = PagedRead::new(span.from, FIRST_PAGE, self.page_max.load(Ordering::Relaxed));
        let mut next = read.first();
        while let NextPage::Fetch { offset, limit } = next {
            let answer = match self.fetch(&reading, offset, limit).await {
                Err(refused) if self.accepts_smaller_page(&refused, limit) => {
                    read.limit_pages(FIRST_PAGE);
                    next = NextPage::Fetch {
                        offset,
                        limit: FIRST_PAGE,
                    };
                    continue;
                }
                answer => answer?,
            };
            report.pages += 1;
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
        report.truncated = read.is_truncated();
        Ok(report)
    }

    async fn fetch(
        &self,
        reading: &Reading<'_>,
        offset: u64,
        limit: usize,
    ) -> Result<Answer, ApiError> {
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
        if let Scope::Function(function) = &reading.target.scope {
            params.push(("functionName", function.name.to_string()));
        }
        let parse = |body: &[u8]| logs::parse(body, reading, offset);
        self.client.call("GetFunctionLogs", &params, parse).await
    }

    /// Whether a refused page may have been too large: the maximum is not documented.
    fn accepts_smaller_page(&self, refused: &ApiError, limit: usize) -> bool {
        let smaller = refused.class == ErrorClass::Invalid && limit > FIRST_PAGE;
        if smaller {
            self.page_max.fetch_min(FIRST_PAGE, Ordering::Relaxed);
        }
        smaller
    }

    /// The functions, each with the target by which it is read.
    async fn list_targets(&self) -> Result<Listing, ApiError> {
        let names = match self.names().await {
            Ok(names) => names,
            Err(error) => {
                self.strategy.not_listed();
                return Err(error);
            }
        };
        let functions: Vec<FunctionId> = names.iter().map(|name| self.function(name)).collect();
        let streams = functions.iter().cloned().map(TargetId::function).collect();
        let streams = BTreeMap::from([(self.region_target(), streams)]);
        self.strategy.listed(streams, self.client.now());
        let listed = functions.into_iter().map(|function| Listed {
            target: if self.strategy.is_wide(&self.region_target()) {
                self.region_target()
            } else {
                TargetId::function(function.clone())
            },
            function,
            about: None,
        });
        let functions: Vec<Listed> = listed.collect();
        let (place, filter) = (self.place.clone(), self.filter.clone());
        let would_name = move |function: &FunctionId| {
            let here = place.account == function.account && place.region == function.region;
            here && &*function.namespace == logs::NAMESPACE && filter.wants(&function.name)
        };
        let look = Look {
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

    async fn names(&self) -> Result<BTreeSet<String>, ApiError> {
        if let Some(names) = self.filter.exact_names() {
            return Ok(names.iter().cloned().collect());
        }
        let mut names = BTreeSet::new();
        let mut offset = 0;
        for _ in 0..LIST_PAGES_MAX {
            let params = [
                ("offset", offset.to_string()),
                ("limit", LIST_PAGE.to_string()),
                ("order", "asc".to_owned()),
                ("orderby", "functionname".to_owned()),
            ];
            let page = self
                .client
                .call("ListFunctions", &params, list::parse)
                .await?;
            offset += page.rows;
            let last = page.rows == 0 || page.total.is_some_and(|total| offset as u64 >= total);
            names.extend(page.names);
            if last {
                break;
            }
        }
        names.retain(|name| self.filter.wants(name));
        Ok(names)
    }

    fn function(&self, name: &str) -> FunctionId {
        FunctionId {
            account: self.place.account.clone(),
            region: self.place.region.clone(),
            namespace: logs::NAMESPACE.into(),
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
        let region = Some(region).filter(|region| self.strategy.is_wide(region));
        region.into_iter().collect()
    }

    fn list(&self) -> BoxFuture<'_, Result<Listing, ApiError>> {
        Box::pin(self.list_targets())
    }

    fn read<'a>(
        &'a self,
        target: &'a TargetId,
        span: Span,
        sink: &'a mut dyn PageSink,
    ) -> BoxFuture<'a, Result<ReadReport, ApiError>> {
        Box::pin(strategy::read(self, target, span, sink))
    }

    fn late_after(&self, _: &TargetId) -> Duration {
        self.place.late_after().saturating_add(CUT)
    }

    fn now(&self) -> Timestamp {
        self.client.now()
    }

    fn changed(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.strategy.changed())
    }

    fn strategy(&self) -> Vec<(TargetId, String)> {
        self.strategy.told()
    }
}

impl Streams for V2Source {
    fn strategy(&self) -> &Strategy {
        &self.strategy
    }

    fn read_target<'a>(
        &'a self,
        target: &'a TargetId,
        span: Span,
        sink: &'a mut dyn PageSink,
    ) -> BoxFuture<'a, Result<ReadReport, ApiError>> {
        Box::pin(self.read_pages(target, span, sink))
    }

    fn look<'a>(
        &'a self,
        function: &'a TargetId,
        _: Span,
    ) -> BoxFuture<'a, Result<Page, ApiError>> {
        Box::pin(async move {
            let reading = Reading {
                target: function,
                filter: &self.filter,
            };
            Ok(self.fetch(&reading, 0, FIRST_PAGE).await?.page)
        })
    }
}
