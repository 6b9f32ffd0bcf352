//! Variable-length integers and texts over byte buffers. Decoding returns `None` on any surprise.

/// Reads what the `put_*` functions wrote.
pub(super) struct Reader<'a>(&'a [u8]);

pub(super) fn put_uint(buffer: &mut Vec<u8>, mut value: u128) {
    while value >= 0x80 {
        buffer.push((value as u8 & 0x7f) | 0x80);
        value >>= 7;
    }
    buffer.push(value as u8);
}

pub(super) fn put_int(buffer: &mut Vec<u8>, value: i64) {
    put_uint(buffer, u128::from(((value << 1) ^ (value >> 63)) as u64));
}

pub(super) fn put_text(buffer: &mut Vec<u8>, text: &str) {
    put_uint(buffer, text.len() as u128);
    buffer.extend_from_slice(text.as_bytes());
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    pub(super) fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn wide(&mut self) -> Option<u128> {
        let mut value = 0u128;
        for shift in (0..=126).step_by(7) {
            let byte = self.byte()?;
            let part = u128::from(byte & 0x7f);
            if shift == 126 && part > 3 {
                return None;
            }
            value |= part << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    pub(super) fn uint(&mut self) -> Option<u64> {
        self.wide()?.try_into().ok()
    }

    pub(super) fn small<T: TryFrom<u64>>(&mut self) -> Option<T> {
        T::try_from(self.uint()?).ok()
    }

    pub(super) fn int(&mut self) -> Option<i64> {
        let raw = self.uint()?;
        Some((raw >> 1) as i64 ^ -((raw & 1) as i64))
    }

    pub(super) fn text(&mut self) -> Option<&'a str> {
        let length = self.small::<usize>()?;
        std::str::from_utf8(self.bytes(length)?).ok()
    }

    pub(super) fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_put_comes_back(wide: u128, int: i64, text in ".*") {
            let mut buffer = Vec::new();
            put_uint(&mut buffer, wide);
            put_int(&mut buffer, int);
            put_text(&mut buffer, &text);
            let mut reader = Reader::new(&buffer);
            prop_assert_eq!(reader.wide(), Some(wide));
            prop_assert_eq!(reader.int(), Some(int));
            prop_assert_eq!(reader.text(), Some(text.as_str()));
            prop_assert_eq!(reader.end(), Some(()));
        }
    }

    #[test]
    fn a_number_too_wide_or_cut_short_is_refused() {
        assert_eq!(Reader::new(&[0xff; 19]).wide(), None);
        assert_eq!(Reader::new(&[0x80]).wide(), None);
        assert_eq!(Reader::new(&[5, b'a']).text(), None);
    }
}
