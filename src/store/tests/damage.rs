//! A file that is damaged: it is refused as damaged, or it holds exactly what it held before.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::*;

const PAGE: usize = 4_096;

/// A state with something in every table, closed in good order.
struct Sound {
    state: State,
    bytes: Vec<u8>,
    stored: Stored,
}

impl Sound {
    fn new() -> Self {
        let state = State::new();
        // Enough that the tables have inner pages.
        let functions = (0..60).map(|slot| (slot, function(&format!("f{slot}"))));
        state.commit(&Changes {
            functions: functions.collect(),
            held: vec![(0, Some(shown("f0")))],
            ..changes()
        });
        let (store, _) = Store::open(state.path()).unwrap();
        for number in 8..40 {
            let keys = vec![(number, changes().keys[0].1.clone())];
            let change = Changes {
                keys,
                ..Changes::default()
            };
            store.commit(&change).unwrap();
        }
        drop(store);
        let stored = state.stored();
        let bytes = fs::read(state.file()).unwrap();
        Self {
            state,
            bytes,
            stored,
        }
    }

    /// Opens the state with these bytes in its file. True where it was refused as damaged, false
    /// where it was opened with what it held before.
    fn is_refused(&self, bytes: &[u8], what: &str) -> bool {
        fs::write(self.state.file(), bytes).unwrap();
        match Store::open(self.state.path()) {
            Ok((_, stored)) => {
                assert!(stored == self.stored, "{what}: it opens with other content");
                false
            }
            Err(refused) => {
                let text = refused.to_string();
                assert!(text.contains("is damaged"), "{what}: {text}");
                assert!(text.contains("restore a copy"), "{what}: {text}");
                assert!(!text.contains("permissions"), "{what}: {text}");
                let left = fs::read(self.state.file()).unwrap();
                assert!(left == bytes, "{what}: what was refused was changed");
                true
            }
        }
    }
}

/// Bytes that mean nothing, the same for the same seed.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..length).map(|_| next()).collect()
}

#[test]
fn a_page_of_noise_or_zeros_is_damage_or_was_not_in_use() {
    let sound = Sound::new();
    let mut refused = 0;
    let pages = sound.bytes.len() / PAGE;
    for page in 0..pages {
        for seed in 0..3 {
            let mut bytes = sound.bytes.clone();
            let place = page * PAGE..(page + 1) * PAGE;
            let spoilt = match seed {
                0 => vec![0; PAGE],
                seed => noise(seed * 1_000 + page as u64, PAGE),
            };
            bytes[place].copy_from_slice(&spoilt);
            refused += usize::from(sound.is_refused(&bytes, &format!("page {page}, seed {seed}")));
        }
    }
    assert!(refused > 3 * 10, "only {refused} of {} refused", 3 * pages);
}

#[test]
fn a_flipped_bit_anywhere_in_the_header_is_damage_or_changes_nothing() {
    let sound = Sound::new();
    for bit in 0..512 * 8 {
        let mut bytes = sound.bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        sound.is_refused(&bytes, &format!("bit {bit}"));
    }
}

#[test]
fn a_file_cut_anywhere_is_damage_but_for_one_of_no_bytes() {
    let sound = Sound::new();
    let mut length = 512;
    while length < sound.bytes.len() {
        let what = format!("cut to {length} bytes");
        sound.is_refused(&sound.bytes[..length], &what);
        length += 512;
    }
    assert!(sound.is_refused(&sound.bytes[..100], "cut to 100 bytes"));
    assert!(sound.is_refused(&sound.bytes[..1], "cut to 1 byte"));
    let zeros = vec![0; sound.bytes.len()];
    assert!(sound.is_refused(&zeros, "nothing but zeros"));
    fs::write(sound.state.file(), "").unwrap();
    // From here on there is something to lose.
    assert_eq!(sound.state.commit(&changes()), Stored::default());
    assert!(sound.is_refused(&zeros, "nothing but zeros, later"));
}

/// A disk in memory under which the database breaks down when it is told to.
#[derive(Debug, Clone, Default)]
struct Brittle {
    bytes: Arc<Mutex<Vec<u8>>>,
    breaks: Arc<AtomicBool>,
}

impl Brittle {
    fn bytes(&self) -> std::sync::MutexGuard<'_, Vec<u8>> {
        self.bytes.lock().unwrap()
    }
}

impl StorageBackend for Brittle {
    fn len(&self) -> io::Result<u64> {
        Ok(self.bytes().len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let from = offset as usize;
        out.copy_from_slice(&self.bytes()[from..from + out.len()]);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.bytes().resize(len as usize, 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        assert!(!self.breaks.load(Relaxed), "a page makes no sense");
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let from = offset as usize;
        self.bytes()[from..from + data.len()].copy_from_slice(data);
        Ok(())
    }
}

#[test]
fn a_database_that_breaks_down_in_a_commit_or_when_opened_again_is_an_error() {
    let disk = Brittle::default();
    let given = disk.clone();
    let (mut store, _) = Store::open_on(Arc::new(move || Box::new(given.clone()))).unwrap();
    store.commit(&changes()).unwrap();
    disk.breaks.store(true, Relaxed);
    let failed = store.commit(&Changes {
        dropped_keys: vec![7],
        ..Changes::default()
    });
    let told = failed.unwrap_err().failure();
    assert!(told.contains("may be damaged"), "{told}");
    assert!(told.contains("a page makes no sense"), "{told}");
    let refused = store.reopen().unwrap_err().to_string();
    assert!(refused.contains("is damaged"), "{refused}");
    assert!(refused.contains("a page makes no sense"), "{refused}");
    disk.breaks.store(false, Relaxed);
    let stored = store.reopen().unwrap().unwrap();
    assert_eq!(stored.functions, functions(["a", "b"]));
    store.commit(&changes()).unwrap();
}
