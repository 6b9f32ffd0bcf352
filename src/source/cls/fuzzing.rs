//! What the fuzz targets of CLS bodies and of Report lines ask.

mod line;

use super::answer::{Answer, Reading, Sorted};
use crate::config::Read;
use crate::model::Timestamp;
use crate::source::fuzzing::{check_page, turned};
use crate::source::{Place, Wanted};
use crate::tencent::payload;

pub(crate) use line::line;

/// No line counts twice; order of members and blanks mean nothing; and a body that was cut is
/// none.
pub(crate) fn body(bytes: &[u8]) {
    let Some(read) = sorted(bytes) else { return };
    let (page, lines) = (&read.page, read.shape.marks.len());
    check_page(page);
    let judged = page.rows.len() + page.cold_starts.len() + page.rejects.len();
    assert!(judged as u64 + page.unfinished <= lines as u64);
    if let Some(turned) = str::from_utf8(bytes).ok().and_then(turned) {
        let other = sorted(turned.as_bytes()).expect("the same answer");
        assert_eq!(&other.page, page);
        assert_eq!(other.shape, read.shape);
    }
    let whole = bytes.trim_ascii_end();
    for cut in [whole.len() / 2, whole.len() - 1] {
        assert!(sorted(&whole[..cut]).is_none());
    }
}

fn sorted(body: &[u8]) -> Option<Sorted> {
    let place = Place {
        account: "".into(),
        region: "ap-x".into(),
        read: Read::Region,
        max_run_time: std::time::Duration::ZERO,
        delivery_delay: std::time::Duration::ZERO,
    };
    let wanted = Wanted::default();
    let reading = Reading {
        place: &place,
        wanted: &wanted,
    };
    Some(payload::<Answer>(body)?.sort(reading, Timestamp::from_millis(5)))
}
