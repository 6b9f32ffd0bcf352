//! The checks of the fuzz targets in `fuzz/`. Only cargo-fuzz and unit tests build them.
//!
//! A target checks more than the absence of panics: it compares the code with a second reader, with
//! itself on another spelling, or with numbers known beforehand. Each case that fuzzing finds
//! becomes a file in `fuzz/seeds/`, which the unit tests below run.

mod accept;
mod config;

/// A check of some bytes, which panics if the code handles them wrongly.
pub type Check = fn(&[u8]);

/// All targets with their names.
pub const TARGETS: &[(&str, Check)] = &[
    ("v2_body", v2_body),
    ("v3_body", v3_body),
    ("cls_body", cls_body),
    ("report_line", report_line),
    ("config", config),
    ("accept", accept),
    ("store_record", store_record),
];

/// Checks a response of the legacy API v2.
pub fn v2_body(bytes: &[u8]) {
    crate::ingest::v2::fuzzing::body(bytes);
}

/// Checks a response to `GetFunctionLogs` of API 3.0.
pub fn v3_body(bytes: &[u8]) {
    crate::ingest::v3::fuzzing::body(bytes);
}

/// Checks a response to `SearchLog` of CLS.
pub fn cls_body(bytes: &[u8]) {
    crate::ingest::cls::fuzzing::body(bytes);
}

/// Checks a line that the platform writes at the end of an invocation or at its cold start.
pub fn report_line(bytes: &[u8]) {
    crate::ingest::cls::fuzzing::line(bytes);
}

/// Checks a configuration file.
pub fn config(bytes: &[u8]) {
    config::text(bytes);
}

/// Checks a scraper's `Accept` or `Accept-Encoding` header.
pub fn accept(bytes: &[u8]) {
    accept::header(bytes);
}

/// Checks a record of the store.
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
        for (name, check) in TARGETS {
            let mut files: Vec<_> = fs::read_dir(seeds.join(name))
                .unwrap_or_else(|_| panic!("{name} has no seeds"))
                .map(|entry| entry.unwrap().path())
                .collect();
            files.sort();
            for file in files {
                // The test harness shows this only if the check panics.
                println!("{}", file.display());
                check(&fs::read(&file).unwrap());
            }
        }
    }

    #[test]
    fn every_cut_of_a_seed_passes() {
        let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
        for (name, check) in TARGETS {
            for entry in fs::read_dir(seeds.join(name)).unwrap() {
                let file = entry.unwrap().path();
                let bytes = fs::read(&file).unwrap();
                println!("{}", file.display());
                (0..bytes.len().min(600)).for_each(|cut| check(&bytes[..cut]));
            }
        }
    }
}
