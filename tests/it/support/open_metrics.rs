//! A strict reader of OpenMetrics 1.0 text, written from the specification and not from the
//! renderer. It reads what this project writes: counters, gauges and histograms without timestamps.

use std::collections::HashSet;

use super::exposition::{
    Exemplar, Family, check_histogram, closing_quote, is_name, parse_sample, unescape,
};

/// A family and its unit. A counter's name is that of the family, without `_total`.
pub type WithUnit = (Family, Option<String>);

/// Reads a scrape; an error names the line or family at fault.
pub fn parse(text: &str) -> Result<Vec<WithUnit>, String> {
    let lines = text
        .strip_suffix("# EOF\n")
        .ok_or("it does not end in # EOF")?;
    if !lines.is_empty() && !lines.ends_with('\n') {
        return Err("# EOF does not begin a line".into());
    }
    let mut families = Vec::new();
    for (number, line) in lines.split_terminator('\n').enumerate() {
        read_line(&mut families, line)
            .map_err(|fault| format!("line {}: {fault}: {line}", number + 1))?;
    }
    check(&families)?;
    Ok(families)
}

fn read_line(families: &mut Vec<WithUnit>, line: &str) -> Result<(), String> {
    let Some(metadata) = line.strip_prefix("# ") else {
        return read_sample(families, line);
    };
    let mut words = metadata.splitn(3, ' ');
    let (Some(word), Some(name), Some(rest)) = (words.next(), words.next(), words.next()) else {
        return Err("metadata without a name or a text".into());
    };
    if !is_name(name) {
        return Err("bad name".into());
    }
    let known = families.iter().position(|(family, _)| family.name == name);
    match known {
        None => families.push((
            Family {
                name: name.to_owned(),
                ..Family::default()
            },
            None,
        )),
        Some(at) if at + 1 == families.len() => {}
        Some(_) => return Err("the family is in two parts".into()),
    }
    let (family, unit) = families.last_mut().ok_or("no family")?;
    if !family.samples.is_empty() {
        return Err("metadata behind samples".into());
    }
    match word {
        "HELP" if family.help.is_empty() => {
            if closing_quote(rest).is_some() {
                return Err("a quote in HELP without a backslash".into());
            }
            family.help = unescape(rest, true)?;
        }
        "TYPE" if family.kind.is_empty() => family.kind = rest.to_owned(),
        "UNIT" if unit.is_none() => {
            if !name.ends_with(&format!("_{rest}")) {
                return Err("the name does not end in the unit".into());
            }
            *unit = Some(rest.to_owned());
        }
        _ => return Err("unknown metadata, or there twice".into()),
    }
    Ok(())
}

fn read_sample(families: &mut [WithUnit], line: &str) -> Result<(), String> {
    let (line, exemplar) = split_exemplar(line);
    let mut sample = parse_sample(line)?;
    sample.exemplar = exemplar.map(read_exemplar).transpose()?;
    let (family, _) = families.last_mut().ok_or("sample before any family")?;
    let suffixes: &[&str] = match family.kind.as_str() {
        "counter" => &["_total", "_created"],
        "gauge" => &[""],
        "histogram" => &["_bucket", "_sum", "_count", "_created"],
        other => return Err(format!("type {other:?}")),
    };
    let suffix = sample.name.strip_prefix(&family.name);
    if !suffix.is_some_and(|suffix| suffixes.contains(&suffix)) {
        return Err(format!("sample does not belong to {}", family.name));
    }
    let may_have = ["_bucket", "_total"];
    if sample.exemplar.is_some() && !suffix.is_some_and(|suffix| may_have.contains(&suffix)) {
        return Err("an exemplar where none may be".into());
    }
    if let Some(le) = sample.labels.get("le") {
        // Bounds are floats: 1 has to be 1.0.
        if le != "+Inf" && !le.contains(['.', 'e']) {
            return Err("a bound without a point".into());
        }
    }
    family.samples.push(sample);
    Ok(())
}

/// A sample, and what stands behind it in `# {`, outside all quotes.
fn split_exemplar(line: &str) -> (&str, Option<&str>) {
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in line.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b' ' if !quoted && line[at..].starts_with(" # {") => {
                return (&line[..at], Some(&line[at + 4..]));
            }
            _ => {}
        }
    }
    (line, None)
}

/// `name="value"} value timestamp`: all three have to be there, which OpenMetrics does not demand.
fn read_exemplar(text: &str) -> Result<Exemplar, String> {
    let (labels, time) = text.rsplit_once(' ').ok_or("an exemplar without a time")?;
    let sample = parse_sample(&format!("exemplar{{{labels}"))?;
    let names = sample.labels.iter();
    let length: usize = names
        .map(|(name, value)| name.chars().count() + value.chars().count())
        .sum();
    if length > 128 {
        return Err(format!("labels of an exemplar have {length} characters"));
    }
    let (sign, time) = match time.strip_prefix('-') {
        Some(time) => (-1, time),
        None => (1, time),
    };
    let (seconds, rest) = time.split_once('.').unwrap_or((time, ""));
    let millis = format!("{seconds}{rest:0<3}");
    let millis: i64 = millis.parse().map_err(|_| format!("no time: {time}"))?;
    Ok(Exemplar {
        labels: sample.labels,
        value: sample.value,
        millis: sign * millis,
    })
}

/// The value of an exemplar lies in the bucket that has it.
fn check_exemplars(family: &Family) -> Result<(), String> {
    let mut below = f64::NEG_INFINITY;
    for sample in &family.samples {
        let Some(le) = sample.labels.get("le") else {
            below = f64::NEG_INFINITY;
            continue;
        };
        let le: f64 = le.parse().map_err(|_| "no bound")?;
        if let Some(exemplar) = &sample.exemplar
            && !(below < exemplar.value && exemplar.value <= le)
        {
            return Err(format!("not in the bucket from {below}: {sample:?}"));
        }
        below = le;
    }
    Ok(())
}

/// No name of a family or of its samples may be that of another's.
fn check(families: &[WithUnit]) -> Result<(), String> {
    let mut names = HashSet::new();
    let mut met = HashSet::new();
    for (family, _) in families {
        let suffixes: &[&str] = match family.kind.as_str() {
            "counter" => &["", "_total", "_created"],
            "histogram" => &["", "_bucket", "_sum", "_count", "_created"],
            _ => &[""],
        };
        for suffix in suffixes {
            if !names.insert(format!("{}{suffix}", family.name)) {
                return Err(format!("{}{suffix} clashes", family.name));
            }
        }
        for sample in &family.samples {
            if !met.insert((&sample.name, &sample.labels)) {
                return Err(format!("there twice: {sample:?}"));
            }
            // When it began may be before 1970.
            let counts = family.kind == "counter" && sample.name.ends_with("_total");
            if counts && !(sample.value >= 0.0 && sample.value.is_finite()) {
                return Err(format!("no value for a counter: {sample:?}"));
            }
        }
        if family.kind == "histogram" {
            check_histogram(family)?;
            check_exemplars(family)?;
        }
    }
    Ok(())
}
