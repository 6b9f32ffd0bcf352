//! The planted faults of `make sim-mutants` still fit the code.

use std::fs;
use std::path::Path;

/// Faults that are planted, each in a file of its own.
const MUTANTS: usize = 14;

/// Sentence, file, text to find, text in its place.
struct Mutant {
    name: String,
    file: String,
    find: String,
    replace: String,
}

fn mutants() -> Vec<Mutant> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mutants");
    let mut paths: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    paths.sort();
    let read = |path: &std::path::PathBuf| {
        let text = fs::read_to_string(path).unwrap();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let parts: Vec<&str> = text.trim_end_matches('\n').split("\n----\n").collect();
        let [head, find, replace] = parts[..] else {
            panic!("{name} has {} parts", parts.len());
        };
        let (sentence, file) = head.split_once('\n').unwrap();
        assert!(sentence.ends_with('.'), "{name} begins with a sentence");
        let [file, find, replace] = [file, find, replace].map(str::to_owned);
        Mutant {
            name,
            file,
            find,
            replace,
        }
    };
    paths.iter().map(read).collect()
}

/// Else a fault would no longer be planted, or not where it was meant to be.
#[test]
fn the_text_of_each_stands_once() {
    let mutants = mutants();
    assert_eq!(mutants.len(), MUTANTS);
    for mutant in mutants {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(&mutant.file);
        let text = fs::read_to_string(&path).unwrap();
        let stands = text.matches(&mutant.find).count();
        assert_eq!(stands, 1, "{}: its text in {}", mutant.name, mutant.file);
        assert_ne!(mutant.find, mutant.replace, "{}", mutant.name);
    }
}

/// Each is told in the documents.
#[test]
fn the_list_of_them_is_written_down() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/SIMULATION.md");
    let text = fs::read_to_string(path).unwrap();
    for mutant in mutants() {
        assert!(
            text.contains(&format!("| {} |", mutant.name)),
            "{}",
            mutant.name
        );
    }
}
