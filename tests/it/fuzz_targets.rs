//! The fuzz targets are complete: each has its file, its entry and its seeds, and the program's
//! own build knows nothing of them. What they ask is tried by the unit tests of `src/fuzzing.rs`.

use std::fs;

use crate::support::{root, text_of};

/// What is fuzzed, by the name of its target: every reader of what comes from outside.
const TARGETS: [&str; 7] = [
    "accept",
    "cls_body",
    "config",
    "report_line",
    "store_record",
    "v2_body",
    "v3_body",
];
/// A seed is a small example; what a fuzzer learned by itself is not checked in.
const SEED_BYTES_MAX: u64 = 16 << 10;

/// Names in a folder, sorted.
fn names(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(root().join(folder)).expect(folder);
    let name = |entry: std::io::Result<fs::DirEntry>| {
        let name = entry.expect("a readable folder").file_name();
        name.into_string().expect("a name in Unicode")
    };
    let mut names: Vec<String> = entries.map(name).collect();
    names.sort();
    names
}

#[test]
fn every_target_has_its_file_and_its_entry_and_there_are_no_others() {
    assert_eq!(
        names("fuzz/fuzz_targets"),
        TARGETS.map(|name| format!("{name}.rs"))
    );
    let manifest = text_of("fuzz/Cargo.toml");
    let questions = text_of("src/fuzzing.rs");
    for name in TARGETS {
        let bin = format!("name = \"{name}\"\npath = \"fuzz_targets/{name}.rs\"\n");
        assert!(manifest.contains(&bin), "{name} is not in the manifest");
        let call = format!("scf_exporter::fuzzing::{name}(bytes)");
        let file = text_of(&format!("fuzz/fuzz_targets/{name}.rs"));
        assert!(file.contains(&call), "{name} asks something else");
        assert!(questions.contains(&format!("(\"{name}\", {name}),")));
    }
    let bins = manifest.matches("[[bin]]").count();
    assert_eq!(bins, TARGETS.len());
}

#[test]
fn every_target_has_several_small_seeds() {
    assert_eq!(names("fuzz/seeds"), TARGETS);
    for name in TARGETS {
        let folder = format!("fuzz/seeds/{name}");
        let seeds = names(&folder);
        assert!(seeds.len() >= 5, "{name} has only {seeds:?}");
        for seed in seeds {
            let bytes = fs::metadata(root().join(&folder).join(&seed))
                .expect(&seed)
                .len();
            assert!(bytes <= SEED_BYTES_MAX, "{folder}/{seed}: {bytes} bytes");
        }
    }
}

#[test]
fn the_program_is_built_without_them() {
    assert!(text_of("fuzz/Cargo.toml").contains("\n[workspace]\n"));
    assert!(!text_of("Cargo.toml").contains("libfuzzer"));
    assert!(!text_of("Cargo.lock").contains("libfuzzer"));
    let library = text_of("src/lib.rs");
    let hidden = "#[cfg(any(test, fuzzing))]\n#[doc(hidden)]\npub mod fuzzing;";
    assert!(library.contains(hidden), "the questions are test code");
}

#[test]
fn make_runs_them_all() {
    let makefile = text_of("Makefile");
    assert!(makefile.contains("\nfuzz: ") && makefile.contains("scripts/fuzz.sh"));
    assert!(text_of("scripts/fuzz.sh").contains("for file in fuzz/fuzz_targets/*.rs"));
}
