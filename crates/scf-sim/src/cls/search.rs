//! SearchLog: finds the lines of a time range that match a query, page by page.

use serde_json::Value;

use super::context::{Cursor, hash};
use super::line::{Kind, Line};
use super::query::{MAX_CHARS, Query};
use super::record::Record;
use super::topic_index::TopicIndexes;
use super::topics::{Topic, topic_of_id};
use super::{LogRequest, invalid};
use crate::faults::ResponseSize;
use crate::function::topic_of;
use crate::json::{Object, array, quoted};
use crate::problem::Problem;
use crate::rng::{Rng, mix};
use crate::settings::Index;
use crate::spelling::Spelling;
use crate::world::World;

/// A parsed request.
struct Search {
    topics: Vec<Topic>,
    /// Half-open range, by the platform's clock.
    from_ms: i64,
    to_ms: i64,
    query: Query,
    descending: bool,
    limit: usize,
    offset: usize,
    cursor: Option<Cursor>,
    /// Hash of the parameters that a context is bound to.
    params_hash: u64,
}

/// The result of a search.
struct Found {
    lines: Vec<Line>,
    /// Set if no further line matches.
    over: bool,
    /// Number of lines that the chain of contexts has returned, including this page.
    returned: usize,
}

const DEFAULT_LIMIT: i64 = 100;
const MAX_LIMIT: i64 = 1_000;
const MAX_TOPICS: usize = 50;
const MAX_CHAIN: usize = 10_000;
/// The value of `QuerySyntax` for CQL.
const CQL: i64 = 1;
const ODD_KEY: u64 = 0x0DD_C15;

/// Returns the response to SearchLog.
pub(super) fn answer(ask: &LogRequest<'_>) -> Result<(String, ResponseSize), Problem> {
    let search = Search::read(ask)?;
    if ask.settings.cls.index == Index::Missing {
        let message = "the topic has no index; create one with full text and keys";
        return Err(Problem::new("ResourceNotFound.IndexNotExist", message));
    }
    let lasting_ms = i64::try_from(ask.delay_ms).unwrap_or(i64::MAX);
    let end_ms = ask.now_ms.saturating_add(lasting_ms);
    for topic in &search.topics {
        let mut state = ask.state();
        state.start_query(topic.position, ask.now_ms, end_ms)?;
    }
    let mut scene = ask.scene();
    let world = scene.world(ask.now_ms);
    let found = search.run(ask, world, &mut ask.state().topic_indexes)?;
    Ok((search.write(ask, world, &found), found.size(world)))
}

// === impl Found ===

impl Found {
    fn size(&self, world: &World) -> ResponseSize {
        let is_too_large = |line: &Line| {
            line.kind == Kind::Report && world.attempts()[line.attempt as usize].oversized
        };
        ResponseSize {
            rows: self.lines.len(),
            oversized: self.lines.iter().any(is_too_large),
        }
    }
}

// === impl Search ===

impl Search {
    fn read(ask: &LogRequest<'_>) -> Result<Self, Problem> {
        let (topics, in_topics) = topics(ask)?;
        let required = |name| ask.integer(name)?.ok_or_else(|| Problem::missing(name));
        let (from_ms, to_ms) = (required("From")?, required("To")?);
        if from_ms > to_ms {
            return Err(invalid("From lies behind To"));
        }
        let text = query_text(ask)?;
        let query = Query::parse(text)
            .map_err(|error| Problem::new("FailedOperation.SyntaxError", error.to_string()))?;
        let descending = descending(ask)?;
        let limit = ask.integer("Limit")?.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(invalid(format!("Limit must lie between 1 and {MAX_LIMIT}")));
        }
        let ids: Vec<&str> = topics.iter().map(|topic| topic.id.as_str()).collect();
        let bound = format!("{ids:?} {from_ms} {to_ms} Cql {descending} {limit} {text}");
        let params_hash = mix(ask.settings.seed, hash(&bound));
        let context = ask.text("Context")?.or(in_topics).filter(|c| !c.is_empty());
        let offset = ask.integer("Offset")?.unwrap_or(0);
        if topics.len() > 1 && (context.is_some() || offset != 0) {
            return Err(invalid("Context and Offset need a single topic"));
        }
        if context.is_some() && offset != 0 {
            return Err(invalid("Context and Offset exclude one another"));
        }
        let cursor = context.map(|text| {
            Cursor::parse(text, params_hash, ask.now_ms).ok_or_else(|| {
                let message = "the context is too old or was made for other parameters";
                Problem::new("FailedOperation.InvalidContext", message)
            })
        });
        Ok(Self {
            from_ms,
            to_ms,
            query,
            descending,
            limit: limit as usize,
            offset: usize::try_from(offset).map_err(|_| invalid("Offset is negative"))?,
            cursor: cursor.transpose()?,
            params_hash,
            topics,
        })
    }

    fn run(
        &self,
        ask: &LogRequest<'_>,
        world: &World,
        topic_indexes: &mut TopicIndexes,
    ) -> Result<Found, Problem> {
        let before = self.cursor.map_or(0, |cursor| cursor.returned);
        let left = MAX_CHAIN.saturating_sub(before);
        if left == 0 {
            let message = format!("a chain of contexts ends after {MAX_CHAIN} lines");
            return Err(Problem::new("FailedOperation.GetlogReachLimit", message));
        }
        // Pages by offset form no chain and have no end.
        let limit = match self.offset {
            0 => self.limit.min(left),
            _ => self.limit,
        };
        let keys = ask.settings.cls.index == Index::Keys;
        let lines = self.candidates(ask, world, topic_indexes);
        let mut fitting = self
            .in_order(&lines)
            .filter(|line| self.query.fits(&record(world, **line), keys))
            .copied();
        if self.offset > 0 {
            fitting.nth(self.offset - 1);
        }
        let lines: Vec<Line> = fitting.by_ref().take(limit).collect();
        Ok(Found {
            over: fitting.next().is_none(),
            returned: before + lines.len(),
            lines,
        })
    }

    /// Returns the lines in the requested range that are still retained, in ascending order.
    fn candidates(
        &self,
        ask: &LogRequest<'_>,
        world: &World,
        topic_indexes: &mut TopicIndexes,
    ) -> Vec<Line> {
        let skew_ms = ask.settings.faults.clock_skew_ms;
        let oldest_ms = ask.now_ms.saturating_sub(ask.settings.retention_ms);
        let mut from = self.from_ms.saturating_sub(skew_ms).max(oldest_ms);
        let mut to = self.to_ms.saturating_sub(skew_ms);
        // Lines before the cursor can be skipped. Its own millisecond may contain more.
        if let Some(Cursor { after, .. }) = self.cursor {
            if self.descending {
                to = to.min(after.time_ms.saturating_add(1));
            } else {
                from = from.max(after.time_ms);
            }
        }
        let heads_only = self.query.wants_reports_only();
        let mut lines = Vec::new();
        for topic in &self.topics {
            let topic_index = topic_indexes.lines(world, ask.now_ms, topic.position, heads_only);
            let first = topic_index.partition_point(|line| line.time_ms < from);
            let last = topic_index
                .partition_point(|line| line.time_ms < to)
                .max(first);
            lines.extend_from_slice(&topic_index[first..last]);
        }
        if self.topics.len() > 1 {
            lines.sort_unstable();
        }
        lines
    }

    /// Returns the lines after the cursor in the requested order.
    fn in_order<'l>(&self, lines: &'l [Line]) -> Box<dyn Iterator<Item = &'l Line> + 'l> {
        let after = self.cursor.map(|cursor| cursor.after);
        if self.descending {
            let end = after.map_or(lines.len(), |at| lines.partition_point(|line| *line < at));
            Box::new(lines[..end].iter().rev())
        } else {
            let start = after.map_or(0, |at| lines.partition_point(|line| *line <= at));
            Box::new(lines[start..].iter())
        }
    }

    fn write(&self, ask: &LogRequest<'_>, world: &World, found: &Found) -> String {
        let mut rng = Rng::keyed(ask.salt, ODD_KEY);
        let spelling = Spelling::of(&ask.settings.faults, ask.salt);
        let nulls = rng.chance(ask.settings.faults.odd_fields);
        let empty = |usual: &'static str| if nulls { "null" } else { usual };
        let context = self.context(ask, found);
        let shown_context = match &context {
            Some(text) => quoted(text),
            None => empty("\"\"").to_owned(),
        };
        let mut out = String::with_capacity(1_024 + found.lines.len() * 900);
        let mut object = Object::open(&mut out);
        object
            .raw("Context", &shown_context)
            .raw("ListOver", spelling.truth(found.over))
            .raw("Analysis", false)
            .raw("ColNames", empty("[]"))
            .raw("Columns", "null");
        if found.lines.is_empty() {
            object.raw("Results", empty("[]"));
        } else {
            object.nested("Results", |out| {
                array(&found.lines, out, |line, out| {
                    self.write_line(ask, world, *line, out)
                });
            });
        }
        object
            .raw("AnalysisResults", empty("[]"))
            .raw("AnalysisRecords", "null")
            .raw("SamplingRate", 0)
            .raw("Topics", self.topics_info(ask, &shown_context));
        object.close();
        out
    }

    fn write_line(&self, ask: &LogRequest<'_>, world: &World, line: Line, out: &mut String) {
        let record = record(world, line);
        let position = topic_of(record.attempt.function as usize, ask.settings);
        if let Some(topic) = self.topics.iter().find(|topic| topic.position == position) {
            record.write(&topic.id, &topic.name, ask.salt, out);
        }
    }

    fn context(&self, ask: &LogRequest<'_>, found: &Found) -> Option<String> {
        let last = found.lines.last().filter(|_| self.topics.len() == 1)?;
        let cursor = Cursor {
            after: *last,
            returned: found.returned,
            made_ms: ask.now_ms,
        };
        Some(cursor.text(self.params_hash))
    }

    /// Returns the per-topic information of a request that names its topics in a list.
    fn topics_info(&self, ask: &LogRequest<'_>, context: &str) -> String {
        if ask.param("Topics").is_none() {
            return "null".to_owned();
        }
        let mut out = "{\"Errors\":null,\"Infos\":".to_owned();
        array(&self.topics, &mut out, |topic, out| {
            let mut info = Object::open(out);
            info.text("TopicId", &topic.id)
                .raw("Period", ask.settings.retention_ms / 86_400_000)
                .raw("Context", context);
            info.close();
        });
        out.push('}');
        out
    }
}

/// Returns the requested topics, and the context if there is a list of one topic.
fn topics<'a>(ask: &LogRequest<'a>) -> Result<(Vec<Topic>, Option<&'a str>), Problem> {
    let params: &'a Value = ask.params;
    let listed = params.get("Topics").and_then(Value::as_array);
    let listed = listed.filter(|list| !list.is_empty());
    match (ask.text("TopicId")?.filter(|id| !id.is_empty()), listed) {
        (Some(_), Some(_)) => Err(invalid("TopicId and Topics exclude one another")),
        (None, None) => Err(Problem::missing("TopicId")),
        (Some(id), None) => Ok((vec![topic_of_id(ask, id)?], None)),
        (None, Some(list)) if list.len() > MAX_TOPICS => {
            Err(invalid(format!("Topics holds more than {MAX_TOPICS}")))
        }
        (None, Some(list)) => {
            let text = |entry: &'a Value, name| entry.get(name).and_then(Value::as_str);
            let mut topics = list
                .iter()
                .map(|entry| topic_of_id(ask, text(entry, "TopicId").unwrap_or_default()))
                .collect::<Result<Vec<Topic>, Problem>>()?;
            let mut contexts = list.iter().filter_map(|entry| text(entry, "Context"));
            topics.sort_by_key(|topic| topic.position);
            topics.dedup_by_key(|topic| topic.position);
            Ok((topics, contexts.find(|context| !context.is_empty())))
        }
    }
}

/// Returns the query. Its older name, and the syntax of Lucene, are not simulated.
fn query_text<'a>(ask: &'a LogRequest<'_>) -> Result<&'a str, Problem> {
    let text = ask.text("QueryString")?.unwrap_or("");
    if text.chars().count() > MAX_CHARS {
        let message = format!("the query has more than {MAX_CHARS} characters");
        return Err(invalid(message));
    }
    if ask.param("Query").is_some() || ask.integer("QuerySyntax")?.unwrap_or(CQL) != CQL {
        return Err(invalid(
            "write a QueryString in CQL, whose QuerySyntax is 1",
        ));
    }
    Ok(text)
}

fn descending(ask: &LogRequest<'_>) -> Result<bool, Problem> {
    match ask.text("Sort")? {
        None | Some("" | "desc") => Ok(true),
        Some("asc") => Ok(false),
        Some(_) => Err(invalid("Sort must be asc or desc")),
    }
}

fn record(world: &World, line: Line) -> Record<'_> {
    let attempt = &world.attempts()[line.attempt as usize];
    Record {
        line,
        attempt,
        function: &world.functions()[attempt.function as usize],
        settings: world.settings(),
    }
}
