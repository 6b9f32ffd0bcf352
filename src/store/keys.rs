//! The stored form of the attempt keys of one page, packed into one value.
//!
//! `count, first position`, then for each key `slot, id (16 bytes, big endian), position minus
//! the one before, attempt xor position in seconds`: a v2 key, whose attempt is its start second,
//! takes 19 to 21 bytes.

use super::codec::{Reader, put_int, put_uint};
use crate::model::{AttemptKey, Timestamp};

/// One remembered attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeenKey {
    /// Slot of the function.
    pub slot: u32,
    /// Identity.
    pub key: AttemptKey,
    /// Position.
    pub position: Timestamp,
}

/// Attempts that were met together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyPack(pub Vec<SeenKey>);

impl KeyPack {
    /// Writes the stored form into `buffer`, in place of what it held.
    pub(super) fn encode(&self, buffer: &mut Vec<u8>) {
        buffer.clear();
        put_uint(buffer, self.0.len() as u128);
        let mut before = 0i64;
        for seen in &self.0 {
            put_uint(buffer, u128::from(seen.slot));
            buffer.extend_from_slice(&seen.key.id.to_be_bytes());
            let position = seen.position.as_millis();
            put_int(buffer, position.wrapping_sub(before));
            put_uint(
                buffer,
                u128::from(seen.key.attempt ^ second_of(seen.position)),
            );
            before = position;
        }
    }

    /// Reads the stored form; `None` where it is damaged or names a slot from `slots` on.
    pub(super) fn decode(bytes: &[u8], slots: usize) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let count = reader
            .small::<usize>()
            .filter(|&count| count <= bytes.len())?;
        let mut keys = Vec::with_capacity(count);
        let mut before = 0i64;
        for _ in 0..count {
            let slot = reader
                .small::<u32>()
                .filter(|&slot| (slot as usize) < slots)?;
            let id = u128::from_be_bytes(reader.bytes(16)?.try_into().ok()?);
            let position = before.wrapping_add(reader.int()?);
            before = position;
            let position = Timestamp::from_millis(position);
            let attempt = reader.small::<u32>()? ^ second_of(position);
            keys.push(SeenKey {
                slot,
                key: AttemptKey { id, attempt },
                position,
            });
        }
        reader.end()?;
        Some(Self(keys))
    }
}

/// The low bits of a position in seconds.
fn second_of(position: Timestamp) -> u32 {
    position.as_secs() as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn keys() -> impl Strategy<Value = Vec<SeenKey>> {
        let key = (0..9u32, any::<u128>(), any::<u32>(), any::<i64>()).prop_map(
            |(slot, id, attempt, millis)| SeenKey {
                slot,
                key: AttemptKey { id, attempt },
                position: Timestamp::from_millis(millis),
            },
        );
        proptest::collection::vec(key, 0..50)
    }

    proptest! {
        #[test]
        fn a_pack_comes_back_as_it_was(keys in keys()) {
            let pack = KeyPack(keys);
            let mut buffer = Vec::new();
            pack.encode(&mut buffer);
            prop_assert_eq!(KeyPack::decode(&buffer, 9), Some(pack));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _decoded = KeyPack::decode(&bytes, 9);
        }
    }

    #[test]
    fn a_slot_that_does_not_exist_is_damage() {
        let key = AttemptKey { id: 7, attempt: 1 };
        let pack = KeyPack(vec![SeenKey {
            slot: 3,
            key,
            position: Timestamp::from_secs(5),
        }]);
        let mut buffer = Vec::new();
        pack.encode(&mut buffer);
        assert_eq!(KeyPack::decode(&buffer, 3), None);
    }
}
