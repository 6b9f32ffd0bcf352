//! The body of a `GetFunctionLogs` answer, read in one pass: the envelope's head, and the rows
//! sorted out into a page.

use hashbrown::HashMap;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::plain;
use super::row::{Name, WireRow};
use crate::config::FunctionFilter;
use crate::ledger::{PageShape, Scope, TargetId};
use crate::model::{Bytes, FunctionId, Page, RejectReason, Row, Timestamp};
use crate::source::members::Members;
use crate::source::scalar::Scalar;
use crate::tencent::{Code, Head, Malformed};

/// v2 knows no namespaces.
pub(super) const NAMESPACE: &str = "default";
/// Bytes of a body for which room for one row is made; a row with its log has twice as many. To
/// grow a page row by row costs more than all else that is allocated for it.
const BYTES_PER_ROW: usize = 512;
/// Functions of one page at the most; a page has at most 1,000 rows.
const FUNCTIONS_MAX: usize = u16::MAX as usize;

/// What a page is read for.
#[derive(Clone, Copy)]
pub(super) struct Reading<'r> {
    pub(super) target: &'r TargetId,
    pub(super) filter: &'r FunctionFilter,
}

/// A page and how it looked.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) page: Page,
    pub(super) shape: PageShape,
}

/// Reads a body; the answer is `None` where there is no list of rows.
///
/// Three readers, each for what the one before it leaves: [`plain`] knows only the common shape
/// and is fast. The general parser knows all JSON. A value that even it cannot hold (a number
/// beyond all range, a broken escape) stops it in the middle: then each row is read by itself,
/// and only the odd one is rejected.
pub(super) fn parse(
    body: &[u8],
    reading: &Reading<'_>,
    offset: u64,
) -> Result<(Head, Option<Answer>), Malformed> {
    let read = match plain::read(body, Builder::new(reading, body.len())) {
        Some(read) => read,
        None => match read_generally(body, reading, false) {
            Ok(read) => read,
            Err(error) if error.is_eof() => return Err(error.into()),
            Err(_) => read_generally(body, reading, true)?,
        },
    };
    if read.code.is_none() {
        return Err(Malformed::other("JSON without a code"));
    }
    Ok(read.into_answer(offset))
}

/// The parts of a body.
#[derive(Default)]
pub(super) struct Body<'r> {
    pub(super) code: Option<Code>,
    pub(super) message: Option<String>,
    pub(super) code_desc: Option<String>,
    pub(super) total: Option<u64>,
    pub(super) rows: Option<Builder<'r>>,
}

/// Sorts rows out, one after the other.
pub(super) struct Builder<'r> {
    reading: &'r Reading<'r>,
    page: Page,
    shape: PageShape,
    index: HashMap<String, u16>,
    /// Position of the last row that had a readable one.
    before: Option<Timestamp>,
    /// Rows without a readable position since then.
    gap: usize,
}

/// Reads any JSON; `careful`: row by row.
pub(super) fn read_generally<'r>(
    body: &[u8],
    reading: &'r Reading<'r>,
    careful: bool,
) -> Result<Body<'r>, serde_json::Error> {
    let rows = Rows {
        builder: Builder::new(reading, body.len()),
        careful,
    };
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let read = BodySeed(rows).deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(read)
}

// === impl Body ===

impl Body<'_> {
    pub(super) fn into_answer(self, offset: u64) -> (Head, Option<Answer>) {
        // An answer without a code is no answer; -1 is none of the documented ones.
        let code = self.code.unwrap_or(Code(-1));
        let head = Head::new(code, self.message, self.code_desc);
        let answer = self.rows.map(|builder| {
            let shape = PageShape {
                offset,
                total: self.total,
                ..builder.shape
            };
            Answer {
                page: builder.page,
                shape,
            }
        });
        (head, answer)
    }
}

// === impl Builder ===

impl<'r> Builder<'r> {
    /// For the rows of a body of so many bytes.
    pub(super) fn new(reading: &'r Reading<'r>, bytes: usize) -> Self {
        let room = bytes / BYTES_PER_ROW;
        let shape = PageShape {
            sorted: true,
            marks: Vec::with_capacity(room),
            ..PageShape::default()
        };
        let page = Page {
            rows: Vec::with_capacity(room),
            ..Page::default()
        };
        Self {
            reading,
            page,
            shape,
            index: HashMap::new(),
            before: None,
            gap: 0,
        }
    }

    /// Takes in a row, readable or not.
    pub(super) fn row(&mut self, row: &WireRow<'_>) {
        let (id, position) = (row.id(), row.position());
        self.shape(id, position);
        let Some(function) = self.function(row) else {
            self.page.rejects.push(RejectReason::FunctionName);
            return;
        };
        let Some(function) = function else { return };
        if row.is_unfinished() {
            self.page.unfinished += 1;
            return;
        }
        match row.judge(id, position) {
            Ok(judged) => self.page.rows.push(Row {
                function,
                ret_code: judged.ret_code,
                outcome: judged.outcome,
                key: judged.key,
                id_is_uuid: row.id_is_uuid(),
                position: judged.position,
                duration: judged.duration,
                billed: judged.billed,
                memory: judged.memory,
                memory_limit: Bytes::default(),
                started: judged.position,
                retried: false,
            }),
            Err(reason) => self.page.rejects.push(reason),
        }
    }

    /// Takes in an element of the list that is not an object.
    fn no_row(&mut self) {
        self.shape(None, None);
        self.page.rejects.push(RejectReason::NotAnObject);
    }

    /// Notes where the row stands among the others.
    fn shape(&mut self, id: Option<u128>, position: Option<Timestamp>) {
        let shape = &mut self.shape;
        let index = shape.rows;
        shape.rows += 1;
        let id = id.unwrap_or_default();
        shape
            .marks
            .push((id >> 64) as u64 ^ id as u64 ^ position.unwrap_or_default().as_secs() as u64);
        let Some(position) = position else {
            self.gap += 1;
            return;
        };
        match self.before {
            Some(before) if position > before => shape.sorted = false,
            // Rows without a readable position may belong to either group: to the later one.
            Some(before) if position < before => shape.tie_start = index - self.gap,
            _ => {}
        }
        self.gap = 0;
        shape.newest = shape.newest.max(Some(position));
        shape.oldest = Some(shape.oldest.map_or(position, |oldest| oldest.min(position)));
        self.before = Some(position);
    }

    /// The index of the row's function in the page; inner `None` where it is not wanted, outer
    /// where it cannot be told.
    #[expect(clippy::option_option, reason = "two ways of having no index")]
    fn function(&mut self, row: &WireRow<'_>) -> Option<Option<u16>> {
        let name = match (&self.reading.target.scope, row.function_name()) {
            (_, Some(name)) => name,
            // The read was for one function: a row without a name can only be its.
            (Scope::Function(function), None) if row.function_name == Scalar::Missing => {
                &*function.name
            }
            _ => return None,
        };
        // Mostly a row is of the same function as the one before it.
        if let Some(last) = self.page.rows.last()
            && *self.page.functions[usize::from(last.function)].name == *name
        {
            return Some(Some(last.function));
        }
        if let Some(&known) = self.index.get(name) {
            return Some(Some(known));
        }
        if !self.reading.filter.wants(name) {
            return Some(None);
        }
        let index = self.page.functions.len();
        if index >= FUNCTIONS_MAX {
            return None;
        }
        self.page.functions.push(FunctionId {
            account: self.reading.target.account.clone(),
            region: self.reading.target.region.clone(),
            namespace: NAMESPACE.into(),
            name: name.into(),
        });
        self.index.insert(name.to_owned(), index as u16);
        Some(Some(index as u16))
    }
}

// === reading ===

/// The seed for the list of rows.
struct Rows<'r> {
    builder: Builder<'r>,
    careful: bool,
}

struct BodySeed<'r>(Rows<'r>);

impl<'de, 'r> DeserializeSeed<'de> for BodySeed<'r> {
    type Value = Body<'r>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Body<'r>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, 'r> Visitor<'de> for BodySeed<'r> {
    type Value = Body<'r>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an answer of the v2 API")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Body<'r>, A::Error> {
        let mut rows = Some(self.0);
        let mut body = Body::default();
        while let Some(name) = map.next_key::<Name<'de>>()? {
            match &*name.0 {
                "code" => body.code = Some(map.next_value()?),
                "message" => body.message = map.next_value::<Scalar<'_>>()?.to_text(),
                "codeDesc" => body.code_desc = map.next_value::<Scalar<'_>>()?.to_text(),
                "total" => body.total = map.next_value::<Scalar<'_>>()?.count(),
                "data" if rows.is_some() => {
                    if let Some(seed) = rows.take() {
                        body.rows = map.next_value_seed(seed)?;
                    }
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(body)
    }
}

impl<'de, 'r> DeserializeSeed<'de> for Rows<'r> {
    type Value = Option<Builder<'r>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, 'r> Visitor<'de> for Rows<'r> {
    type Value = Option<Builder<'r>>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list of rows")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    /// An object here is the answer to another action.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<Self::Value, A::Error> {
        if self.careful {
            while let Some(raw) = seq.next_element::<&'de RawValue>()? {
                match careful_row(raw) {
                    Some(row) => self.builder.row(&row),
                    None => self.builder.no_row(),
                }
            }
        } else {
            while let Some(row) = seq.next_element::<WireRow<'de>>()? {
                self.builder.row(&row);
            }
        }
        Ok(Some(self.builder))
    }
}

/// Reads a row field by field; a field that cannot be held is [`Scalar::Other`].
fn careful_row(raw: &RawValue) -> Option<WireRow<'_>> {
    // In their order: of two spellings of one name the later counts, as for the other readers.
    let Members(fields) = serde_json::from_str(raw.get()).ok()?;
    let mut row = WireRow::default();
    for (name, value) in fields {
        if let Some(field) = row.field(name.as_bytes()) {
            *field = Scalar::deserialize(value).unwrap_or(Scalar::Other);
        }
    }
    Some(row)
}

#[cfg(test)]
mod tests;
