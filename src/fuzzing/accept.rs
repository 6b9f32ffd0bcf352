//! What the fuzz target of a scraper's wishes asks.

use std::sync::LazyLock;

use regex::Regex;

use crate::expose::Encoding;

/// One part of a header as the standard has it (RFC 9110, sections 12.4.2 and 12.5.3).
static PART: LazyLock<Regex> = LazyLock::new(|| {
    let part = r"^[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*(?:;[ \t]*[qQ]=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)[ \t]*)?$";
    Regex::new(part).expect("a pattern of our own")
});

/// A packing that was not asked for is never sent, nor one that was excluded, and a header that is
/// well formed is answered by its weights; letters may be large or small.
pub(super) fn header(bytes: &[u8]) {
    let Ok(header) = str::from_utf8(bytes) else {
        return;
    };
    let chosen = Encoding::negotiate(header);
    assert_eq!(Encoding::negotiate(&header.to_ascii_uppercase()), chosen);
    let named = header.to_ascii_lowercase();
    if !named.contains("gzip") && !named.contains('*') {
        assert_eq!(chosen, Encoding::Identity);
    }
    if let Some(wishes) = wishes(header) {
        let weight = |names: &[&str]| {
            let mut latest = wishes.iter().rev();
            let found = latest.find(|(name, _)| names.contains(&name.as_str()));
            found.map(|(_, weight)| *weight)
        };
        let gzip = weight(&["gzip", "x-gzip"]).or(weight(&["*"])).unwrap_or(0);
        let wanted = gzip > 0 && gzip >= weight(&["identity"]).unwrap_or(0);
        assert_eq!(chosen == Encoding::Gzip, wanted, "{header:?}");
    }
}

/// The names with their weights in thousandths; `None` where the header is not well formed.
fn wishes(header: &str) -> Option<Vec<(String, u32)>> {
    header
        .split(',')
        .map(|part| {
            let found = PART.captures(part)?;
            let weight = found.get(2).map_or("1", |weight| weight.as_str());
            let digits = format!("{:0<4}", weight.replace('.', ""));
            Some((found[1].to_ascii_lowercase(), digits.parse().ok()?))
        })
        .collect()
}
