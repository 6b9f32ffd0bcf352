//! `docs/CONFIG.md` against the code: the rows of keys are those of the table of keys (`BLESS=1`
//! writes them anew), and no flag or variable stands in it that does not exist.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use clap::Arg;
use scf_exporter::cli::{self, DEMO_DEFAULTS};
use scf_exporter::config::{self, Key, Kind, Overrides, environment_name, keys};

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/CONFIG.md")
}

fn page() -> String {
    fs::read_to_string(file()).unwrap()
}

/// The cells of every table row, code quotes taken off.
fn rows(page: &str) -> Vec<Vec<String>> {
    page.lines()
        .filter_map(|line| line.strip_prefix('|')?.strip_suffix('|'))
        .map(|row| row.split('|').map(|cell| unquoted(cell.trim())).collect())
        .collect()
}

/// A cell that is one piece of code, without its quotes; any other as it stands.
fn unquoted(cell: &str) -> String {
    let inner = cell.strip_prefix('`').and_then(|c| c.strip_suffix('`'));
    inner
        .filter(|c| !c.contains('`'))
        .unwrap_or(cell)
        .to_owned()
}

fn or_dash(value: Option<&str>) -> String {
    value.unwrap_or("-").to_owned()
}

fn arguments() -> Vec<Arg> {
    let command = cli::command();
    command
        .get_subcommands()
        .flat_map(|sub| sub.get_arguments().cloned().collect::<Vec<_>>())
        .collect()
}

fn flag(arg: &Arg) -> Option<String> {
    arg.get_long().map(|long| format!("--{long}"))
}

fn default(arg: &Arg) -> String {
    let values = arg.get_default_values();
    or_dash(values.first().map(|value| value.to_str().unwrap()))
}

/// Words of the page that begin with `prefix`, up to the first sign that is not part of a name.
fn words(page: &str, prefix: &str) -> BTreeSet<String> {
    let part = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    page.match_indices(prefix)
        .filter(|(at, _)| !page[..*at].ends_with(part))
        .map(|(at, _)| page[at..].split(|c| !part(c)).next().unwrap())
        .map(|word| word.trim_end_matches('.').to_owned())
        .filter(|word| word.len() > prefix.len() && !word.starts_with("---"))
        .collect()
}

/// The page says of each key that needs a restart that it does, and of no other.
#[test]
fn what_needs_a_restart_is_listed() {
    let page = page();
    let (_, section) = page.split_once("\nThese need a restart.").unwrap();
    let (paragraph, _) = section.split_once("\n\n").unwrap();
    let listed = paragraph.split('`').skip(1).step_by(2).collect::<Vec<_>>();
    let restart = keys().filter(|key| key.needs_restart);
    let restart: Vec<&str> = restart.map(|key| key.path).collect();
    assert_eq!(listed, restart);
}

fn row(key: &Key) -> String {
    let code = |text: Option<&str>| text.map_or_else(|| "-".to_owned(), |text| format!("`{text}`"));
    let cells = [
        code(Some(key.path)),
        code(key.flag),
        code(key.environment().as_deref()),
        code(key.default),
        key.kind.bounds(),
        key.meaning().to_owned(),
    ];
    format!("| {} |", cells.join(" | "))
}

/// The block that a path is in: `sources[].role` of `sources[].role.arn`.
fn block(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(block, _)| block)
}

/// The page with the rows of every table of keys made anew: of the blocks that it had.
fn made_anew(page: &str) -> String {
    let mut lines = page.lines().peekable();
    let mut made: Vec<String> = Vec::new();
    while let Some(line) = lines.next() {
        made.push(line.to_owned());
        let is_of_demo = line.starts_with("| Flag | Default in");
        if !is_of_demo && !line.starts_with("| Key |") {
            continue;
        }
        made.extend(lines.next().map(str::to_owned));
        let mut old = Vec::new();
        while let Some(line) = lines.next_if(|line| line.starts_with('|')) {
            old.extend(rows(line).swap_remove(0).into_iter().next());
        }
        if is_of_demo {
            made.extend(DEMO_DEFAULTS.iter().map(|(path, value)| {
                let flag = keys().find(|key| key.path == *path).unwrap().flag.unwrap();
                match *value {
                    "" => format!("| `{flag}` | empty |"),
                    value => format!("| `{flag}` | `{value}` |"),
                }
            }));
        } else {
            let blocks: BTreeSet<&str> = old.iter().map(|path| block(path)).collect();
            let kept = keys().filter(|key| blocks.contains(block(key.path)));
            made.extend(kept.map(row));
        }
    }
    made.join("\n") + "\n"
}

#[test]
fn the_page_has_the_rows_of_the_table() {
    let (page, made) = (page(), made_anew(&page()));
    if std::env::var_os("BLESS").is_some() {
        fs::write(file(), &made).unwrap();
        return;
    }
    for (line, made) in page.lines().zip(made.lines()) {
        assert_eq!(line, made, "BLESS=1 writes the tables anew");
    }
    assert_eq!(page.lines().count(), made.lines().count());
    for key in keys() {
        assert!(page.contains(&row(key)), "{} is in no table", key.path);
        assert!(!key.meaning().is_empty(), "{} has no meaning", key.path);
    }
    assert!(page.contains("| Flag | Default in"));
}

#[test]
fn flags_and_variables_are_those_of_the_command_line() {
    let page = page();
    let mut flags: BTreeSet<String> = arguments().iter().filter_map(flag).collect();
    flags.extend(["--help".to_owned(), "--version".to_owned()]);
    assert_eq!(words(&page, "--"), flags);
    let variables: BTreeSet<String> = arguments()
        .iter()
        .filter_map(|arg| Some(arg.get_env()?.to_str().unwrap().to_owned()))
        .collect();
    assert_eq!(words(&page, "SCF_EXPORTER_"), variables);
}

#[test]
fn every_flag_has_a_variable() {
    let mut without = Vec::new();
    for arg in arguments() {
        let Some(flag) = flag(&arg) else { continue };
        let Some(variable) = arg.get_env() else {
            without.push(flag);
            continue;
        };
        let name = environment_name(&flag);
        let in_sim = name.replace("EXPORTER_", "EXPORTER_SIM_");
        let variable = variable.to_str().unwrap();
        assert!(variable == name || variable == in_sim, "{flag}: {variable}");
    }
    // Once, in the demo: its numbers must not go where the real ones are.
    assert_eq!(without, ["--state.path"]);
}

#[test]
fn the_simulated_cloud_is_the_same_alone_and_in_the_demo() {
    let page = page();
    let command = cli::command();
    let args = |sub: &str| -> BTreeMap<String, Arg> {
        let sub = command.find_subcommand(sub).unwrap();
        let args = sub.get_arguments();
        args.filter_map(|arg| Some((flag(arg)?, arg.clone())))
            .collect()
    };
    let (demo, sim) = (args("demo"), args("sim"));
    let mut seen = 0;
    for row in rows(&page).iter().filter(|row| row.len() == 5) {
        let Some(alone) = sim.get(&row[1]) else {
            continue;
        };
        seen += 1;
        let mut both = vec![alone];
        both.extend(demo.get(&row[0]));
        assert_eq!(both.len() == 1, row[0] == "-", "{row:?}");
        for arg in both {
            assert_eq!(row[2], arg.get_env().unwrap().to_str().unwrap());
            assert_eq!(row[3], default(arg), "{row:?}");
        }
    }
    assert_eq!(seen, sim.len());
}

#[test]
fn the_meaning_of_a_list_tells_how_long_it_may_be() {
    for key in keys() {
        let (Kind::List(_, most) | Kind::Patterns(most)) = key.kind else {
            continue;
        };
        let meaning = key.meaning().to_lowercase();
        assert!(meaning.contains(&format!("at most {most}")), "{}", key.path);
    }
}

#[test]
fn the_examples_on_the_page_are_good() {
    let page = page();
    let blocks: Vec<&str> = page
        .split("```yaml\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    assert!(blocks.len() >= 6);
    for block in blocks {
        let env = |_: &str| Some("value".to_owned());
        config::parse(block, "page", Path::new(""), &Overrides::default(), &env)
            .unwrap_or_else(|faults| panic!("{faults}\n{block}"));
    }
}
