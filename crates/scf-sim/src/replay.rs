//! Reads a world from a file with one finished attempt per line, as JSON.

use std::fmt;
use std::path::Path;

use serde::Deserialize;

/// One row of a replayed world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayLine {
    /// Name of the function.
    pub function_name: String,
    /// Namespace of the function.
    pub namespace: String,
    /// Request id, which may be any text.
    pub request_id: String,
    /// Number of the retry; 0 for the first attempt.
    pub retry: u32,
    /// Start time of the call.
    pub start: ReplayStart,
    /// Run time in microseconds.
    pub duration_us: u64,
    /// Billed time in milliseconds.
    pub billed_ms: u64,
    /// Memory used, in bytes.
    pub mem_bytes: u64,
    /// Return code.
    pub ret_code: i32,
    /// Milliseconds from the end of the call until its row appears.
    pub visible_after_ms: u64,
    /// Text that the user's code printed.
    pub log: String,
}

/// Start time of a replayed call, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplayStart {
    /// Unix time.
    Absolute(i64),
    /// Time since the start of the simulation.
    Offset(i64),
}

/// The errors in a replay file, up to a limit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ReplayErrors {
    file: String,
    /// Line numbers, starting at 1, and what is wrong there; 0 for the file as a whole.
    lines: Vec<(usize, String)>,
    /// Number of further errors that are not listed.
    more: usize,
}

/// A line of the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    function_name: String,
    #[serde(default = "default_namespace")]
    namespace: String,
    request_id: String,
    #[serde(default)]
    retry: u32,
    start_ms: Option<i64>,
    start_offset_ms: Option<i64>,
    duration_ms: f64,
    billed_ms: Option<u64>,
    #[serde(default)]
    mem_bytes: u64,
    #[serde(default)]
    ret_code: i32,
    #[serde(default)]
    visible_after_ms: u64,
    #[serde(default)]
    log: String,
}

const MAX_FILE_BYTES: u64 = 1 << 30;
/// Maximum number of errors that are listed.
const MAX_ERRORS: usize = 20;
const MAX_LINES: usize = 10_000_000;
/// The longest executions are asynchronous and may take a day.
const MAX_DURATION_MS: f64 = 86_400_000.0;
const MAX_DELAY_MS: u64 = 30 * 86_400_000;
const MAX_NAME_BYTES: usize = 256;
/// Times are limited to the years 1970 to 9999, so that sums of them cannot overflow.
const MAX_INSTANT_MS: i64 = 253_402_300_799_999;

/// Reads a replay file.
///
/// # Errors
///
/// Returns all errors in the file.
pub(crate) fn read_replay(path: &Path) -> Result<Vec<ReplayLine>, ReplayErrors> {
    let file = path.display().to_string();
    let whole = |reason: String| ReplayErrors {
        file: file.clone(),
        lines: vec![(0, reason)],
        more: 0,
    };
    let unreadable = |error: std::io::Error| whole(format!("cannot be read: {error}"));
    let bytes = std::fs::metadata(path).map_err(unreadable)?.len();
    if bytes > MAX_FILE_BYTES {
        return Err(whole(format!(
            "has {bytes} bytes, more than the limit of {MAX_FILE_BYTES}; split it"
        )));
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    parse_replay(&file, &text)
}

/// Parses a replay file: one JSON object per line; empty lines are ignored. `file` is its name in
/// errors.
pub(crate) fn parse_replay(file: &str, text: &str) -> Result<Vec<ReplayLine>, ReplayErrors> {
    let mut lines = Vec::new();
    let mut errors = ReplayErrors {
        file: file.to_owned(),
        lines: Vec::new(),
        more: 0,
    };
    for (index, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        if lines.len() == MAX_LINES {
            errors.push(
                index + 1,
                format!("more than {MAX_LINES} rows; split the file"),
            );
            break;
        }
        match parse_line(line) {
            Ok(parsed) => lines.push(parsed),
            Err(reason) => errors.push(index + 1, reason),
        }
    }
    if errors.lines.is_empty() {
        Ok(lines)
    } else {
        Err(errors)
    }
}

fn parse_line(line: &str) -> Result<ReplayLine, String> {
    let raw: Raw = serde_json::from_str(line).map_err(|error| error.to_string())?;
    for (name, text) in [
        ("function_name", &raw.function_name),
        ("namespace", &raw.namespace),
        ("request_id", &raw.request_id),
    ] {
        if text.is_empty() || text.len() > MAX_NAME_BYTES {
            return Err(format!("{name} must have 1 to {MAX_NAME_BYTES} bytes"));
        }
    }
    if !(0.0..=MAX_DURATION_MS).contains(&raw.duration_ms) {
        return Err(format!(
            "duration_ms must lie between 0 and {MAX_DURATION_MS}"
        ));
    }
    if raw.visible_after_ms > MAX_DELAY_MS {
        return Err(format!("visible_after_ms must be at most {MAX_DELAY_MS}"));
    }
    // The API gives milliseconds with three decimals, so microseconds are whole.
    let duration_us = (raw.duration_ms * 1_000.0).round() as u64;
    Ok(ReplayLine {
        start: start_of(&raw)?,
        duration_us,
        billed_ms: raw.billed_ms.unwrap_or(duration_us.div_ceil(1_000)),
        function_name: raw.function_name,
        namespace: raw.namespace,
        request_id: raw.request_id,
        retry: raw.retry,
        mem_bytes: raw.mem_bytes,
        ret_code: raw.ret_code,
        visible_after_ms: raw.visible_after_ms,
        log: raw.log,
    })
}

fn start_of(raw: &Raw) -> Result<ReplayStart, String> {
    match (raw.start_ms, raw.start_offset_ms) {
        (Some(ms), None) if (0..=MAX_INSTANT_MS).contains(&ms) => Ok(ReplayStart::Absolute(ms)),
        (None, Some(ms)) if ms.abs() <= MAX_INSTANT_MS => Ok(ReplayStart::Offset(ms)),
        (Some(_), Some(_)) => Err("has both start_ms and start_offset_ms".to_owned()),
        (None, None) => Err("needs start_ms or start_offset_ms".to_owned()),
        _ => Err(format!(
            "start must be at most {MAX_INSTANT_MS} ms from 1970"
        )),
    }
}

fn default_namespace() -> String {
    "default".to_owned()
}

// === impl ReplayErrors ===

impl ReplayErrors {
    fn push(&mut self, line: usize, reason: String) {
        if self.lines.len() < MAX_ERRORS {
            self.lines.push((line, reason));
        } else {
            self.more += 1;
        }
    }
}

impl fmt::Display for ReplayErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (line, reason)) in self.lines.iter().enumerate() {
            let end = if index == 0 { "" } else { "\n" };
            match line {
                0 => write!(f, "{end}replay file {}: {reason}", self.file)?,
                line => write!(f, "{end}replay file {}:{line}: {reason}", self.file)?,
            }
        }
        if self.more > 0 {
            write!(f, "\nand {} more faults", self.more)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_full_and_short_lines() {
        let text = concat!(
            r#"{"function_name":"f","namespace":"n","request_id":"r-1","retry":1,"start_ms":5000,"#,
            r#""duration_ms":0.241,"billed_ms":100,"mem_bytes":131072,"ret_code":1,"#,
            r#""visible_after_ms":30,"log":"hi\n"}"#,
            "\n\n",
            r#"{"function_name":"g","request_id":"r-2","start_offset_ms":-7,"duration_ms":12.5}"#,
        );
        let lines = parse_replay("x", text).unwrap();
        assert_eq!(
            lines[0],
            ReplayLine {
                function_name: "f".to_owned(),
                namespace: "n".to_owned(),
                request_id: "r-1".to_owned(),
                retry: 1,
                start: ReplayStart::Absolute(5_000),
                duration_us: 241,
                billed_ms: 100,
                mem_bytes: 131_072,
                ret_code: 1,
                visible_after_ms: 30,
                log: "hi\n".to_owned(),
            }
        );
        assert_eq!(lines[1].start, ReplayStart::Offset(-7));
        assert_eq!(
            (lines[1].billed_ms, lines[1].namespace.as_str()),
            (13, "default")
        );
    }

    #[test]
    fn names_every_fault_with_its_line() {
        let text = concat!(
            "{\"function_name\":\"f\",\"request_id\":\"a\",\"start_ms\":1,\"duration_ms\":1}\n",
            "nonsense\n",
            "{\"function_name\":\"f\",\"request_id\":\"a\",\"duration_ms\":1}\n",
            "{\"function_name\":\"\",\"request_id\":\"a\",\"start_ms\":1,\"duration_ms\":1}\n",
            "{\"function_name\":\"f\",\"request_id\":\"a\",\"start_ms\":1,\"duration_ms\":-1}\n",
            "{\"function_name\":\"f\",\"request_id\":\"a\",\"start_ms\":1,\"duration_ms\":1,\"x\":1}\n",
        );
        let errors = parse_replay("calls.jsonl", text).unwrap_err();
        let lines: Vec<usize> = errors.lines.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [2, 3, 4, 5, 6]);
        let message = errors.to_string();
        assert!(
            message.contains("calls.jsonl:3: needs start_ms or start_offset_ms"),
            "{message}"
        );
        assert!(message.contains("unknown field `x`"), "{message}");
    }

    #[test]
    fn bounds_the_list_of_faults() {
        let errors = parse_replay("x", &"bad\n".repeat(50)).unwrap_err();
        assert_eq!((errors.lines.len(), errors.more), (20, 30));
        assert!(errors.to_string().ends_with("and 30 more faults"));
    }

    #[test]
    fn says_which_file_is_missing() {
        let error = read_replay(Path::new("no/such/file.jsonl")).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("replay file no/such/file.jsonl: cannot be read")
        );
    }
}
