//! A strict reader of text format 0.0.4, written from the format's description and not from the
//! renderer: what it accepts, Prometheus accepts.

use std::collections::{BTreeMap, HashSet};

/// One sample line.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Name as written, `_bucket` and the like included.
    pub name: String,
    /// Labels with their values unescaped.
    pub labels: BTreeMap<String, String>,
    /// The value as it was written, for exact comparison.
    pub text: String,
    /// The value.
    pub value: f64,
    /// What stands behind it; OpenMetrics alone has any.
    pub exemplar: Option<Exemplar>,
}

/// One event, to show for many.
#[derive(Debug, Clone, PartialEq)]
pub struct Exemplar {
    /// Labels with their values.
    pub labels: BTreeMap<String, String>,
    /// What it brought.
    pub value: f64,
    /// Milliseconds since 1970.
    pub millis: i64,
}

/// A family: its header and its samples.
#[derive(Debug, Clone, Default)]
pub struct Family {
    /// Name, without `_bucket` and the like.
    pub name: String,
    /// Text of HELP, unescaped.
    pub help: String,
    /// Word of TYPE.
    pub kind: String,
    /// Samples in their order.
    pub samples: Vec<Sample>,
}

/// A whole scrape.
#[derive(Debug, Clone, Default)]
pub struct Exposition {
    /// Families in their order.
    pub families: Vec<Family>,
}

impl Exposition {
    /// Reads a scrape; an error names the line or family at fault.
    pub fn parse(text: &str) -> Result<Self, String> {
        if !text.is_empty() && !text.ends_with('\n') {
            return Err("the last line has no end".into());
        }
        let mut scrape = Self::default();
        for (number, line) in text.split_terminator('\n').enumerate() {
            scrape
                .line(line)
                .map_err(|fault| format!("line {}: {fault}: {line}", number + 1))?;
        }
        scrape.check()?;
        Ok(scrape)
    }

    /// The value of the sample with this name and exactly these labels, in any order.
    pub fn metric(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        self.sample(name, labels).map(|sample| sample.value)
    }

    /// The sample with this name and exactly these labels, in any order.
    pub fn sample(&self, name: &str, labels: &[(&str, &str)]) -> Option<&Sample> {
        self.matching(name, labels)
            .into_iter()
            .find(|sample| sample.labels.len() == labels.len())
    }

    /// All samples with this name that have at least these labels.
    pub fn matching(&self, name: &str, labels: &[(&str, &str)]) -> Vec<&Sample> {
        let has = |sample: &Sample, label: &str, value: &str| {
            sample.labels.get(label).is_some_and(|of| of == value)
        };
        let all = self.families.iter().flat_map(|family| &family.samples);
        all.filter(|sample| {
            sample.name == name
                && labels
                    .iter()
                    .all(|(label, value)| has(sample, label, value))
        })
        .collect()
    }

    /// The sum over all samples with this name that have at least these labels.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.matching(name, labels)
            .iter()
            .map(|sample| sample.value)
            .sum()
    }

    /// The family of this name.
    pub fn family(&self, name: &str) -> Option<&Family> {
        self.families.iter().find(|family| family.name == name)
    }
}

// === impl reading ===

impl Exposition {
    fn line(&mut self, line: &str) -> Result<(), String> {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').ok_or("HELP without a text")?;
            return self.begin(name, help);
        }
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').ok_or("TYPE without a type")?;
            let family = self.families.last_mut().ok_or("TYPE before HELP")?;
            if family.name != name || !family.kind.is_empty() || !family.samples.is_empty() {
                return Err("TYPE does not follow its HELP".into());
            }
            if !["counter", "gauge", "histogram"].contains(&kind) {
                return Err("unknown type".into());
            }
            family.kind = kind.into();
            return Ok(());
        }
        let sample = parse_sample(line)?;
        let family = self.families.last_mut().ok_or("sample before any header")?;
        let suffixes: &[&str] = match family.kind.as_str() {
            "" => return Err("sample before TYPE".into()),
            "histogram" => &["_bucket", "_sum", "_count"],
            _ => &[""],
        };
        let suffix = sample.name.strip_prefix(&family.name);
        if !suffix.is_some_and(|suffix| suffixes.contains(&suffix)) {
            return Err(format!("sample does not belong to {}", family.name));
        }
        family.samples.push(sample);
        Ok(())
    }

    fn begin(&mut self, name: &str, help: &str) -> Result<(), String> {
        if !is_name(name) {
            return Err("bad name".into());
        }
        if self.family(name).is_some() {
            return Err("the family is there twice, or in two parts".into());
        }
        self.families.push(Family {
            name: name.into(),
            help: unescape(help, false)?,
            ..Family::default()
        });
        Ok(())
    }

    fn check(&self) -> Result<(), String> {
        let mut met = HashSet::new();
        for family in &self.families {
            for sample in &family.samples {
                if !met.insert((&sample.name, &sample.labels)) {
                    return Err(format!("there twice: {sample:?}"));
                }
                if family.kind == "counter" && !(sample.value >= 0.0 && sample.value.is_finite()) {
                    return Err(format!("no value for a counter: {sample:?}"));
                }
            }
            if family.kind == "histogram" {
                check_histogram(family)?;
            }
        }
        Ok(())
    }
}

/// Each label set: buckets ascending in bound and count, `+Inf` last and equal to `_count`, one
/// sum, nothing in between.
pub fn check_histogram(family: &Family) -> Result<(), String> {
    let mut rest = family.samples.as_slice();
    while !rest.is_empty() {
        let fault = |what: &str| format!("histogram {}: {what}: {:?}", family.name, rest[0]);
        let is_bucket = |sample: &&Sample| sample.name.ends_with("_bucket");
        let buckets = rest.iter().take_while(is_bucket).count();
        let mut labels = None;
        let (mut bound, mut count) = (f64::NEG_INFINITY, 0.0);
        for bucket in &rest[..buckets] {
            let mut of = bucket.labels.clone();
            let le = of.remove("le").ok_or_else(|| fault("bucket without le"))?;
            let le = number(&le)?;
            if le <= bound || bucket.value < count {
                return Err(fault("buckets do not ascend"));
            }
            (bound, count) = (le, bucket.value);
            if *labels.get_or_insert_with(|| of.clone()) != of {
                return Err(fault("buckets of two label sets are mixed"));
            }
        }
        let labels = labels.ok_or_else(|| fault("no buckets"))?;
        let [sum, total, ..] = &rest[buckets..] else {
            return Err(fault("no sum or count"));
        };
        let ended = bound == f64::INFINITY
            && sum.name.ends_with("_sum")
            && total.name.ends_with("_count")
            && sum.labels == labels
            && total.labels == labels
            && total.value == count;
        if !ended {
            return Err(fault("does not end in +Inf, sum and the same count"));
        }
        rest = &rest[buckets + 2..];
        // OpenMetrics alone; the family of text has no such sample.
        if let Some(created) = rest.first().filter(|one| one.name.ends_with("_created")) {
            if created.labels != labels {
                return Err(format!("does not follow its histogram: {created:?}"));
            }
            rest = &rest[1..];
        }
    }
    Ok(())
}

/// One sample line.
pub fn parse_sample(line: &str) -> Result<Sample, String> {
    let end = line.find(['{', ' ']).ok_or("no value")?;
    let (name, mut rest) = line.split_at(end);
    if !is_name(name) {
        return Err("bad name".into());
    }
    let mut labels = BTreeMap::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        loop {
            let (label, behind) = rest.split_once("=\"").ok_or("label without a value")?;
            if !is_name(label) || label.contains(':') {
                return Err("bad label name".into());
            }
            let close = closing_quote(behind).ok_or("label value without an end")?;
            let value = unescape(&behind[..close], true)?;
            if labels.insert(label.to_owned(), value).is_some() {
                return Err("label there twice".into());
            }
            rest = &behind[close + 1..];
            if let Some(next) = rest.strip_prefix(',') {
                rest = next;
                continue;
            }
            rest = rest.strip_prefix('}').ok_or("labels without an end")?;
            break;
        }
    }
    let text = rest.strip_prefix(' ').ok_or("no space before the value")?;
    Ok(Sample {
        name: name.to_owned(),
        labels,
        text: text.to_owned(),
        value: number(text)?,
        exemplar: None,
    })
}

/// A number as the format writes it; a space (so a timestamp) or anything else is an error.
fn number(text: &str) -> Result<f64, String> {
    match text {
        "+Inf" => return Ok(f64::INFINITY),
        "-Inf" => return Ok(f64::NEG_INFINITY),
        "NaN" => return Ok(f64::NAN),
        _ => {}
    }
    let plain = |byte: u8| byte.is_ascii_digit() || b"+-.eE".contains(&byte);
    if text.is_empty() || !text.bytes().all(plain) {
        return Err(format!("no number: {text:?}"));
    }
    text.parse().map_err(|_| format!("no number: {text:?}"))
}

/// Whether it can be the name of a metric or a label.
pub fn is_name(name: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':';
    name.bytes().all(word)
        && name
            .bytes()
            .next()
            .is_some_and(|first| !first.is_ascii_digit())
}

/// Where the quote stands that no backslash precedes.
pub fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    })
}

/// The text behind the escapes: `\\`, `\n`, and in label values `\"`; no others exist.
pub fn unescape(text: &str, quotes: bool) -> Result<String, String> {
    let mut plain = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            plain.push(character);
            continue;
        }
        plain.push(match characters.next() {
            Some('\\') => '\\',
            Some('n') => '\n',
            Some('"') if quotes => '"',
            other => return Err(format!("unknown escape {other:?}")),
        });
    }
    Ok(plain)
}
