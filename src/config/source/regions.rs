//! Suggests regions for names that are probably none.

/// Known regions of the vendor, and their short names in the legacy API. The vendor adds regions, so
/// that others are not refused.
const KNOWN: [(&str, &str); 21] = [
    ("ap-bangkok", "th"),
    ("ap-beijing", "bj"),
    ("ap-chengdu", "cd"),
    ("ap-chongqing", "cq"),
    ("ap-guangzhou", "gz"),
    ("ap-hongkong", "hk"),
    ("ap-jakarta", "jkt"),
    ("ap-mumbai", "in"),
    ("ap-nanjing", "nj"),
    ("ap-seoul", "kr"),
    ("ap-shanghai", "sh"),
    ("ap-shanghai-fsi", "shjr"),
    ("ap-shenzhen-fsi", "szjr"),
    ("ap-singapore", "sg"),
    ("ap-tokyo", "jp"),
    ("ap-guangzhou-open", "gzopen"),
    ("eu-frankfurt", "de"),
    ("na-ashburn", "use"),
    ("na-siliconvalley", "usw"),
    ("na-toronto", "ca"),
    ("sa-saopaulo", "sao"),
];

/// Returns the region that was probably meant where `text` is none: it may be a short name of the
/// legacy API, a city, or a zone within a region.
pub(super) fn likely(text: &str) -> Option<&str> {
    let city = |region: &'static str| region.split_once('-').map(|(_, city)| city);
    let named = KNOWN
        .iter()
        .find(|(region, short)| *short == text || city(region) == Some(text));
    if let Some((region, _)) = named {
        return Some(region);
    }
    let (region, zone) = text.rsplit_once('-')?;
    let is_zone = !zone.is_empty() && zone.bytes().all(|b| b.is_ascii_digit());
    (is_zone && region.contains('-')).then_some(region)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_meant() {
        for (text, region) in [
            ("gz", Some("ap-guangzhou")),
            ("guangzhou", Some("ap-guangzhou")),
            ("ap-guangzhou-3", Some("ap-guangzhou")),
            ("shanghai-fsi", Some("ap-shanghai-fsi")),
            ("eu-frankfurt-1", Some("eu-frankfurt")),
            ("usw", Some("na-siliconvalley")),
            ("ap-guangzhou", None),
            ("ap-somewhere-new", None),
            ("me-riyadh", None),
            ("x-1", None),
        ] {
            assert_eq!(likely(text), region, "{text}");
        }
    }
}
