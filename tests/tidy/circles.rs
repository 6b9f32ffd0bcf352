//! Circles between the files of a crate. Two modules that use each other can only be understood
//! together, so the modules that lie side by side must have an order.
//!
//! A module stands for its file and every file below it. A file may use the modules that it lies
//! in: their circle is only the one of a whole and its part.

use std::collections::{BTreeMap, BTreeSet};

use super::source::Source;

/// Names that lead through each other are followed so far.
const DEPTH_MAX: usize = 8;

/// The names of a module, or of a path to one, from the root of the crate on.
pub type Names = Vec<String>;
/// The modules side by side below one parent: which uses which, and where.
type Uses = BTreeMap<String, BTreeMap<String, String>>;

/// Every use that is part of a circle in the crate whose sources lie in `folder`.
pub fn faults(folder: &str, files: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for uses in Crate::new(folder, files).uses().into_values() {
        for (user, used) in &uses {
            for (other, place) in used {
                if reachable(&uses, other).contains(user.as_str()) {
                    faults.push(format!("{place}: {user} and {other} use each other"));
                }
            }
        }
    }
    faults
}

/// Every path of two names or more in `code`, with the line on which it, or its group, begins.
pub fn paths(code: &str) -> Vec<(usize, Names)> {
    let trees = trees(code).into_iter();
    let paths = trees.flat_map(|(line, tree)| tree.into_iter().map(move |(path, _)| (line, path)));
    paths.filter(|(_, path)| path.len() > 1).collect()
}

/// The modules that `from` uses, directly or through others.
fn reachable<'a>(uses: &'a Uses, from: &'a str) -> BTreeSet<&'a str> {
    let (mut found, mut open) = (BTreeSet::new(), vec![from]);
    while let Some(module) = open.pop() {
        for next in uses.get(module).into_iter().flat_map(BTreeMap::keys) {
            if found.insert(next.as_str()) {
                open.push(next);
            }
        }
    }
    found
}

struct Crate {
    files: BTreeMap<Names, File>,
}

/// What a file names of others.
struct File {
    path: String,
    paths: Vec<Names>,
    /// Names that a `use` brings in, or hands on, with the path behind each.
    imports: BTreeMap<String, Names>,
}

// === impl Crate ===

impl Crate {
    fn new(folder: &str, files: &[Source]) -> Self {
        let named = files
            .iter()
            .filter_map(|file| Some((module(folder, &file.path)?, File::new(file))));
        Self {
            files: named.collect(),
        }
    }

    fn uses(&self) -> BTreeMap<Names, Uses> {
        let mut all = BTreeMap::<Names, Uses>::new();
        for (user, file) in &self.files {
            for path in &file.paths {
                let Some(used) = self.resolve(user, path, 0) else {
                    continue;
                };
                let shared = user.iter().zip(&used).take_while(|(a, b)| a == b).count();
                let (Some(from), Some(to)) = (user.get(shared), used.get(shared)) else {
                    continue;
                };
                let uses = all.entry(user[..shared].to_vec()).or_default();
                uses.entry(from.clone())
                    .or_default()
                    .entry(to.clone())
                    .or_insert_with(|| format!("{}: {}", file.path, path.join("::")));
            }
        }
        all
    }

    /// The module that holds what `path`, written in `from`, names; none for another crate's.
    fn resolve(&self, from: &Names, path: &[String], depth: usize) -> Option<Names> {
        let (first, mut rest) = path.split_first()?;
        let mut at = from.clone();
        match first.as_str() {
            _ if depth > DEPTH_MAX => return None,
            "crate" => at.clear(),
            "self" => {}
            "super" => {
                at.pop()?;
                while let Some(("super", more)) = rest.split_first().map(|(a, b)| (a.as_str(), b)) {
                    at.pop()?;
                    rest = more;
                }
            }
            name => {
                if !self.is_below(from, name) {
                    let import = self.files.get(from)?.imports.get(name)?;
                    let other = import.first() != Some(first);
                    return other.then(|| self.resolve(from, import, depth + 1))?;
                }
                at.push(name.into());
            }
        }
        while let Some((name, more)) = rest.split_first()
            && self.is_below(&at, name)
        {
            at.push(name.clone());
            rest = more;
        }
        let handed_on = rest.first().and_then(|name| {
            let import = self.files.get(&at)?.imports.get(name)?;
            self.resolve(&at, import, depth + 1)
        });
        Some(handed_on.unwrap_or(at))
    }

    fn is_below(&self, parent: &Names, name: &str) -> bool {
        let mut child = parent.clone();
        child.push(name.into());
        self.files.contains_key(&child)
    }
}

/// The module of a file; none for tests and for a program, which is a crate of its own.
fn module(folder: &str, path: &str) -> Option<Names> {
    let path = path
        .strip_prefix(folder)?
        .strip_prefix('/')?
        .strip_suffix(".rs")?;
    let mut names: Names = path.split('/').map(str::to_owned).collect();
    if names
        .last()
        .is_some_and(|name| name == "lib" || name == "mod")
    {
        names.pop();
    }
    let other = |name: &String| name == "tests" || name == "main" || name == "bin";
    (!names.iter().any(other)).then_some(names)
}

// === impl File ===

impl File {
    fn new(source: &Source) -> Self {
        let lines = source.lines_before_tests(&source.code).into_iter();
        let code = lines.map(|(_, line)| line).collect::<Vec<_>>().join("\n");
        let mut file = Self {
            path: source.path.clone(),
            paths: Vec::new(),
            imports: BTreeMap::new(),
        };
        let mut imported = false;
        for (_, found) in trees(&code) {
            let word = |(path, _): &(Names, String)| path.len() == 1 && path[0] == "use";
            let is_use = found.first().is_some_and(word);
            for (path, name) in found {
                if imported {
                    file.imports.insert(name, path.clone());
                }
                file.paths.push(path);
            }
            imported = is_use;
        }
        file
    }
}

/// Every word, path or group of paths in `code`, with its line and the names that each has there.
fn trees(code: &str) -> Vec<(usize, Vec<(Names, String)>)> {
    let (mut rest, mut line, mut trees) = (code, 1, Vec::new());
    while let Some(start) = rest.find(is_word) {
        let mut found = Vec::new();
        let (before, tree) = rest.split_at(start);
        rest = path_tree(&[], tree, &mut found);
        line += before.matches('\n').count();
        trees.push((line, found));
        line += tree[..tree.len() - rest.len()].matches('\n').count();
    }
    trees
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Reads `a::b` or `a::{b, c::d as e}` and adds each path with the name it has here. Returns what
/// follows.
fn path_tree<'a>(before: &[String], text: &'a str, found: &mut Vec<(Names, String)>) -> &'a str {
    let (name, rest) = text.split_at(text.find(|c| !is_word(c)).unwrap_or(text.len()));
    let mut path = before.to_vec();
    if name != "self" || before.is_empty() {
        path.push(name.into());
    }
    if let Some(below) = rest.strip_prefix("::") {
        if below.starts_with(is_word) {
            return path_tree(&path, below, found);
        }
        if let Some(group) = below.strip_prefix('{') {
            return path_group(&path, group, found);
        }
    }
    let (alias, rest) = match rest.trim_start().strip_prefix("as ") {
        Some(alias) if path.len() > 1 => {
            alias.split_at(alias.find(|c| !is_word(c)).unwrap_or(alias.len()))
        }
        _ => (path.last().map_or("", String::as_str), rest),
    };
    let alias = alias.to_owned();
    found.push((path, alias));
    rest
}

fn path_group<'a>(path: &[String], text: &'a str, found: &mut Vec<(Names, String)>) -> &'a str {
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ',' || c == '*');
        if !rest.starts_with(is_word) {
            return rest.strip_prefix('}').unwrap_or(rest);
        }
        rest = path_tree(path, rest, found);
    }
}

#[cfg(test)]
fn of(files: &[(&str, &str)]) -> Vec<String> {
    let sources = files
        .iter()
        .map(|(path, text)| Source::new(&format!("src/{path}"), (*text).into()));
    faults("src", &sources.collect::<Vec<_>>())
}

#[test]
fn circles_are_found() {
    let neighbours = of(&[
        ("a.rs", "use super::b::{Some, c::{self, D as E}};"),
        ("b.rs", "fn b() { crate::a::run() }"),
        ("b/c.rs", ""),
    ]);
    assert_eq!(
        neighbours,
        [
            "src/a.rs: super::b::Some: a and b use each other",
            "src/b.rs: crate::a::run: b and a use each other"
        ]
    );
    let handed_on = of(&[
        (
            "m.rs",
            "mod a; mod b; mod c;\npub use a::Thing;\nuse c::Other as Alias;",
        ),
        ("m/a.rs", "use crate::m::b::B;"),
        ("m/b.rs", "use super::Alias;"),
        ("m/c.rs", "use super::{x, Thing};"),
    ]);
    assert_eq!(handed_on.len(), 3, "{handed_on:?}");
}

#[test]
fn an_order_passes() {
    let faults = of(&[
        ("lib.rs", "pub mod a; pub mod b;"),
        // A whole and its parts; comments, tests and other crates.
        (
            "a.rs",
            "mod in_it;\nuse in_it::Part;\nuse super::b::B;\nuse std::a::B;",
        ),
        ("a/in_it.rs", "use super::Whole; use crate::b;"),
        (
            "b.rs",
            "// crate::a\n#[cfg(test)]\nmod tests {\nuse crate::a;\n}\n",
        ),
        ("b/tests.rs", "use crate::a;"),
    ]);
    assert_eq!(faults, Vec::<String>::new());
}
