use serde_json::value::RawValue;

use super::*;
use crate::ingest::scalar::read_fields;

const NAMES: Names<4> = [&["a", "A"], &["id"], &["n"], &["message"]];
/// Rows that one run makes; `SCAN_ROWS` asks for more.
const ROWS: usize = 50_000;

/// Makes rows of every shape from a seed.
struct Shapes(u64);

impl Shapes {
    fn next(&mut self, below: usize) -> usize {
        // Splitmix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) % below as u64) as usize
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.next(from.len())]
    }

    fn blank(&mut self) -> &'static str {
        let which = self.next(40);
        ["", "", " ", "\n", "\t"].get(which).copied().unwrap_or("")
    }

    fn value(&mut self, depth: usize) -> String {
        match self.next(12) {
            0..=4 => self.text(),
            5..=7 => self.number(),
            8 => self.pick(&["true", "false", "null"]).to_owned(),
            9 if depth < 3 => format!("[{},{}]", self.value(depth + 1), self.value(depth + 1)),
            10 if depth < 3 => format!("{{\"x\":{}}}", self.value(depth + 1)),
            11 => self
                .pick(&["[]", "{}", "nul", "tru", "", "+1", "'a'"])
                .to_owned(),
            _ => "\"2024-02-29 00:00:01\"".to_owned(),
        }
    }

    fn number(&mut self) -> String {
        let odd = [
            "0",
            "-0",
            "01",
            "1.",
            ".5",
            "-",
            "1e",
            "1e5",
            "-1.5E-3",
            "1e999",
            "18446744073709551615",
            "9223372036854775808",
            "131072.00",
            "1E+2",
        ];
        match self.next(3) {
            0 => self.pick(&odd).to_owned(),
            1 => self.next(1_000_000).to_string(),
            _ => format!("{}.{}", self.next(100), self.next(1000)),
        }
    }

    fn text(&mut self) -> String {
        let parts = [
            "a",
            "RequestId:",
            "0123456789abcdef",
            "\\n",
            "\\\"",
            "\\\\",
            "\\/",
            "\\u00e9",
            "\\ud83d\\ude00",
            "\\ud83d",
            "\\x",
            "\\u12",
            "\u{e9}",
            "\u{1f600}",
            "\u{1}",
            "{",
            "}",
            ",",
            ":",
            "[",
            " ",
            "\\t",
            "long text that fills several words of eight bytes ",
        ];
        let count = self.next(5);
        let inside: String = (0..count)
            .map(|_| match self.next(3) {
                0 => self.pick(&parts),
                _ => self.pick(&parts[..3]),
            })
            .collect();
        format!("\"{inside}\"")
    }

    fn row(&mut self) -> String {
        let names = [
            "a", "A", "id", "n", "message", "other", "log", "", "i\\u0064",
        ];
        let mut row = format!("{{{}", self.blank());
        for at in 0..self.next(7) {
            if at > 0 {
                row += ",";
            }
            let name = self.pick(&names);
            row += &format!(
                "{}\"{name}\"{}:{}{}",
                self.blank(),
                self.blank(),
                self.blank(),
                self.value(0)
            );
        }
        row + self.blank() + ["}", "}", "}", "}", "}", "}", "", "}}", "]"][self.next(9)]
    }
}

/// Both readers on the same row, plain and in a string; how many the fast one read.
fn compare(row: &str) -> usize {
    let general = read_fields(row, &NAMES);
    let list = format!("{{\"Response\":{{\"Total\":1,\"Data\":[{row}],\"RequestId\":\"r\"}}}}");
    let mut fast = None;
    let rest = read_rows(&list, &["Response", "Data"], &NAMES, None, |raw, values| {
        fast = Some((raw, values));
        Some(())
    });
    if let Some(rest) = &rest {
        assert_eq!(
            rest,
            "{\"Response\":{\"Total\":1,\"Data\":[],\"RequestId\":\"r\"}}"
        );
        assert_eq!(
            fast,
            general.clone().map(|values| (row.trim(), values)),
            "{row}"
        );
    }
    let quoted = serde_json::to_string(row).unwrap();
    let nested = read_nested(
        &quoted[1..quoted.len() - 1],
        &NAMES,
        &mut NameOrder::default(),
    );
    if nested.is_some() {
        assert_eq!(nested, general, "{quoted}");
    }
    usize::from(rest.is_some()) + usize::from(nested.is_some())
}

#[test]
fn both_readers_find_the_same_in_rows_of_every_shape() {
    let rows = std::env::var("SCAN_ROWS").map_or(ROWS, |rows| rows.parse().unwrap());
    let mut shapes = Shapes(1);
    let mut read = 0;
    for _ in 0..rows {
        read += compare(&shapes.row());
    }
    // The fast reader is not right by giving up.
    assert!(
        read > rows / 4,
        "only {read} of {rows} rows were read, each twice"
    );
}

#[test]
fn plain_rows_are_read_by_the_fast_reader() {
    for row in [
        r#"{"a":"x","id":1,"n":-1.5e3,"message":null}"#,
        r#"{ "log":"a\nb\"c\\d\u00e9","nested":{"x":[1,{"y":"z"}]},"A":true }"#,
        "{\"message\":\"two\\nlines\\t\\\"quoted\\\" \\\\ \\/ \u{e9} \u{1f600}\",\"n\":\"131072.00\"}",
        "{}",
    ] {
        assert_eq!(compare(row), 2, "{row}");
    }
}

#[test]
fn what_is_not_plain_is_left_to_the_general_reader() {
    for row in [
        r#"{"a":1,"A":2}"#,
        r#"{"i\u0064":1}"#,
        r#"{"a":1,}"#,
        r#"{"a":"\x"}"#,
        r#"{"log":"\u12"}"#,
        "{\"log\":\"\u{1}\"}",
        r#"{"n":01}"#,
        r#"{"n":1.}"#,
        r#"["a"]"#,
        "7",
    ] {
        assert_eq!(compare(row), 0, "{row}");
    }
    let deep = format!("{{\"log\":{}{}}}", "[".repeat(17), "]".repeat(17));
    assert_eq!(compare(&deep), 0);
}

#[test]
fn a_line_that_stands_in_a_string_is_read_as_its_text_is() {
    let record = r#"{"SCF":"x","a":"say \"hi\"\n","id":"\\\\","n":"12.5","message":"E\u00e9"}"#;
    let record = &record.replace('E', "\u{e9}");
    let quoted = serde_json::to_string(record).unwrap();
    let inside = &quoted[1..quoted.len() - 1];
    let values = read_nested(inside, &NAMES, &mut NameOrder::default()).unwrap();
    let texts = values.each_ref().map(|value| value.text().unwrap());
    assert_eq!(texts, ["say \"hi\"\n", "\\\\", "12.5", "\u{e9}\u{e9}"]);
    // What is escaped in another way than a quote or a backslash is not read.
    for odd in [
        r#"{\u0022a\u0022:1}"#,
        r#"{\"a\":\"b\nc\"}"#,
        r#"{\"a\":1} x"#,
        r#"{\"a\":1"#,
    ] {
        assert_eq!(
            read_nested(odd, &NAMES, &mut NameOrder::default()),
            None,
            "{odd}"
        );
    }
}

#[test]
fn the_first_special_byte_is_found_wherever_it_stands() {
    let plain = "\u{e9}~ !#[]0123456789abcdefghijklmnopqrstuvwxyz\u{7f}".repeat(2);
    for special in [b'"', b'\\', 0, 0x1f] {
        for at in 0..plain.len() {
            let mut bytes = plain.clone().into_bytes();
            bytes[at] = special;
            for behind in [None, Some(at + 1), Some(at + 3)] {
                if let Some(byte) = behind.and_then(|behind| bytes.get_mut(behind)) {
                    *byte = b'"';
                }
                assert_eq!(next_special(&bytes, 0), Some(at), "{special} at {at}");
            }
        }
    }
    assert_eq!(next_special(plain.as_bytes(), 0), None);
}

#[test]
fn rows_keep_their_text_and_the_envelope_its_other_fields() {
    let body = r#"{"code":0, "data" : [ {"a":1} , {"a":2,"x":[]} ] ,"total":2}"#;
    let mut seen = Vec::new();
    let rest = read_rows(body, &["data"], &NAMES, None, |raw, values| {
        let _valid: Box<RawValue> = serde_json::from_str(raw).unwrap();
        seen.push((raw, values[0].whole()));
        Some(())
    });
    assert_eq!(
        rest.as_deref(),
        Some(r#"{"code":0, "data" : [] ,"total":2}"#)
    );
    assert_eq!(
        seen,
        [(r#"{"a":1}"#, Some(1)), (r#"{"a":2,"x":[]}"#, Some(2))]
    );
    for other in [
        r#"{"data":null}"#,
        r#"{"data":{}}"#,
        r#"{"dat":[]}"#,
        "[]",
        "",
        r#"{"data":[{},]}"#,
    ] {
        assert_eq!(
            read_rows(other, &["data"], &NAMES, None, |_, _| Some(())),
            None,
            "{other}"
        );
    }
}
