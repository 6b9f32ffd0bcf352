//! Negotiates the encoding with the scraper.

/// The encoding of a scrape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// No encoding.
    Identity,
    /// gzip, the only encoding that Prometheus asks for.
    Gzip,
}

impl Encoding {
    /// Returns its name in headers, which is its label value too.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
        }
    }

    /// Returns the encoding for an `Accept-Encoding` header (RFC 9110, section 12.5.3): gzip where its
    /// weight is at least that of no encoding. Where the header allows neither it is identity, since a
    /// scrape is worth more than an error.
    pub fn negotiate(accept_encoding: &str) -> Self {
        let mut gzip = None;
        let mut any = None;
        let mut identity = None;
        for part in accept_encoding.split(',') {
            let mut words = part.split(';').map(str::trim);
            let coding = words.next().unwrap_or_default().to_ascii_lowercase();
            let weight = quality(words);
            match coding.as_str() {
                "gzip" | "x-gzip" => gzip = Some(weight),
                "identity" => identity = Some(weight),
                "*" => any = Some(weight),
                _ => {}
            }
        }
        let gzip = gzip.or(any).unwrap_or(0.0);
        if gzip > 0.0 && gzip >= identity.unwrap_or(0.0) {
            Self::Gzip
        } else {
            Self::Identity
        }
    }
}

/// Returns the weight among the parameters of one part: 1 where there is none, and 0 where it is no
/// number between 0 and 1.
pub(super) fn quality<'p>(mut parameters: impl Iterator<Item = &'p str>) -> f32 {
    let weight = parameters.find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("q").then(|| value.trim())
    });
    match weight.map(str::parse::<f32>) {
        None => 1.0,
        Some(Ok(weight)) if (0.0..=1.0).contains(&weight) => weight,
        Some(_) => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn gzip_where_it_is_wanted() {
        for (header, expected) in [
            ("", Encoding::Identity),
            ("gzip", Encoding::Gzip),
            ("GZip", Encoding::Gzip),
            ("x-gzip", Encoding::Gzip),
            ("deflate, gzip;q=1.0, *;q=0.5", Encoding::Gzip),
            ("br;q=1, gzip;q=0.1", Encoding::Gzip),
            ("*", Encoding::Gzip),
            ("gzip;q=0", Encoding::Identity),
            ("gzip;q=0.000", Encoding::Identity),
            ("gzip ; Q=0", Encoding::Identity),
            ("*;q=0", Encoding::Identity),
            ("gzip;q=0, *", Encoding::Identity),
            ("identity", Encoding::Identity),
            ("identity;q=1, gzip;q=0.5", Encoding::Identity),
            ("identity;q=0.5, gzip;q=0.5", Encoding::Gzip),
            ("zstd, br", Encoding::Identity),
            ("gzip;q=abc", Encoding::Identity),
            ("gzip;q=7", Encoding::Identity),
            ("gzip;q=NaN", Encoding::Identity),
            ("gzipped", Encoding::Identity),
        ] {
            assert_eq!(Encoding::negotiate(header), expected, "{header:?}");
        }
    }

    proptest! {
        #[test]
        fn no_header_breaks_it(header in ".{0,200}") {
            Encoding::negotiate(&header);
        }
    }
}
