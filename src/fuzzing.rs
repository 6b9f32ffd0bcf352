//! What each fuzz target asks of the bytes that it is given; `fuzz/` hands them over.
//!
//! Not part of the program: only cargo-fuzz and unit tests build it. More is asked than that
//! nothing panics: each target holds the code against a second reader, against itself on another
//! spelling, or against numbers known beforehand. A case that was found becomes a file in
//! `fuzz/seeds/`, and with that a unit test, here.

mod accept;
mod config;

/// What a target asks: it panics where the answer is wrong.
pub type Question = fn(&[u8]);

/// Every target by its name.
pub const TARGETS: &[(&str, Question)] = &[
    ("v2_body", v2_body),
    ("v3_body", v3_body),
    ("cls_body", cls_body),
    ("report_line", report_line),
    ("config", config),
    ("accept", accept),
    ("store_record", store_record),
];

/// An answer of the legacy v2 API.
pub fn v2_body(bytes: &[u8]) {
    crate::ingest::v2::fuzzing::body(bytes);
}

/// An answer of `GetFunctionLogs` of API 3.0.
pub fn v3_body(bytes: &[u8]) {
    crate::ingest::v3::fuzzing::body(bytes);
}

/// An answer of `SearchLog` of CLS.
pub fn cls_body(bytes: &[u8]) {
    crate::ingest::cls::fuzzing::body(bytes);
}

/// A line that the platform writes at the end of an attempt, or at its cold start.
pub fn report_line(bytes: &[u8]) {
    crate::ingest::cls::fuzzing::line(bytes);
}

/// A configuration file.
pub fn config(bytes: &[u8]) {
    config::text(bytes);
}

/// A header by which a scraper says what it takes.
pub fn accept(bytes: &[u8]) {
    accept::header(bytes);
}

/// A record of the state.
pub fn store_record(bytes: &[u8]) {
    crate::store::fuzzing::record(bytes);
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::TARGETS;

    #[test]
    fn every_seed_passes() {
        let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
        for (name, question) in TARGETS {
            let mut files: Vec<_> = fs::read_dir(seeds.join(name))
                .unwrap_or_else(|_| panic!("{name} has no seeds"))
                .map(|entry| entry.unwrap().path())
                .collect();
            files.sort();
            for file in files {
                // Shown by the test harness only where the question panics.
                println!("{}", file.display());
                question(&fs::read(&file).unwrap());
            }
        }
    }

    #[test]
    fn every_cut_of_a_seed_passes() {
        let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
        for (name, question) in TARGETS {
            for entry in fs::read_dir(seeds.join(name)).unwrap() {
                let file = entry.unwrap().path();
                let bytes = fs::read(&file).unwrap();
                println!("{}", file.display());
                (0..bytes.len().min(600)).for_each(|cut| question(&bytes[..cut]));
            }
        }
    }
}
