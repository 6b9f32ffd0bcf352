//! Parses YAML into a small tree with the position of every value.
//!
//! It is built on the parser's events, because the file comes from outside: duplicate keys must be
//! detected, the depth must be limited before anything recurses, and an alias must share its target
//! instead of copying it. Copies are how a few lines of nested aliases fill the memory.

use std::collections::BTreeMap;
use std::rc::Rc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, StrInput};

use crate::{Diagnostic, Place};

/// Maximum depth, aliases included. The keys of an exporter rarely need more than five levels.
const MAX_HEIGHT: usize = 16;

/// A value and its position.
#[derive(Debug)]
pub struct Node {
    /// Position of the value.
    pub at: Place,
    /// Content of the value.
    pub content: Content,
    /// Number of levels down to the deepest leaf.
    height: usize,
}

/// Content of a value. Scalars remain text, because their type depends on the key.
#[derive(Debug)]
pub enum Content {
    /// Nothing, or an unquoted `null`.
    Null,
    /// A scalar.
    Text(String),
    /// A sequence.
    List(Vec<Rc<Node>>),
    /// A mapping.
    Map(BTreeMap<String, Entry>),
}

/// One key of a mapping.
#[derive(Debug)]
pub struct Entry {
    /// Position of the key.
    pub at: Place,
    /// Value of the key.
    pub value: Rc<Node>,
}

/// A collection whose end has not been reached.
struct Open {
    at: Place,
    anchor: usize,
    content: Content,
    /// In a mapping, the key whose value comes next.
    key: Option<(String, Place)>,
}

#[derive(Default)]
struct Loader {
    open: Vec<Open>,
    anchors: BTreeMap<usize, Rc<Node>>,
    root: Option<Rc<Node>>,
    faults: Vec<Diagnostic>,
}

/// Parses one document. The tree is absent if the file is empty or not YAML.
pub fn read(text: &str) -> (Option<Rc<Node>>, Vec<Diagnostic>) {
    let mut loader = Loader::default();
    match loader.run(Parser::new_from_str(text)) {
        Ok(()) => (loader.root, loader.faults),
        Err(fault) => {
            loader.faults.push(fault);
            (None, loader.faults)
        }
    }
}

// === impl Node ===

impl Node {
    fn new(at: Place, content: Content) -> Self {
        let below = match &content {
            Content::Null | Content::Text(_) => None,
            Content::List(items) => items.iter().map(|item| item.height).max(),
            Content::Map(entries) => entries.values().map(|entry| entry.value.height).max(),
        };
        Self {
            at,
            content,
            height: below.map_or(1, |below| below + 1),
        }
    }

    /// Returns whether the value is a mapping, or nothing where one is allowed.
    pub fn is_block(&self) -> bool {
        matches!(self.content, Content::Map(_) | Content::Null)
    }

    /// Returns whether the value is a sequence.
    pub fn is_list(&self) -> bool {
        matches!(self.content, Content::List(_))
    }

    /// Returns the kind of the value, for messages.
    pub fn kind(&self) -> &'static str {
        match self.content {
            Content::Null => "nothing",
            Content::Text(_) => "a single value",
            Content::List(_) => "a list",
            Content::Map(_) => "keys with values",
        }
    }
}

// === impl Loader ===

impl Loader {
    fn run(&mut self, mut parser: Parser<'_, StrInput<'_>>) -> Result<(), Diagnostic> {
        while let Some(next) = parser.next_event() {
            let (event, span) = next.map_err(|error| syntax_fault(&error))?;
            self.take(event, place(span.start))?;
        }
        Ok(())
    }

    fn take(&mut self, event: Event<'_>, at: Place) -> Result<(), Diagnostic> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_tag(tag.is_some(), at);
                let node = Node::new(at, scalar(text.into_owned(), style));
                self.add(Rc::new(node), anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse_tag(tag.is_some(), at);
                self.begin(at, anchor, Content::List(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse_tag(tag.is_some(), at);
                self.begin(at, anchor, Content::Map(BTreeMap::new()))
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => match self.anchors.get(&anchor) {
                Some(target) => self.add(Rc::clone(target), 0),
                None => {
                    let message = "this alias stands inside its own anchor";
                    Err(Diagnostic::new(at, "", message))
                }
            },
            Event::DocumentStart(_) if self.root.is_some() => {
                let message = "a second document starts here: keep everything in one";
                Err(Diagnostic::new(at, "", message))
            }
            _ => Ok(()),
        }
    }

    fn refuse_tag(&mut self, present: bool, at: Place) {
        if present {
            let message = "a tag (!...) has no meaning here: remove it";
            self.faults.push(Diagnostic::new(at, "", message));
        }
    }

    fn begin(&mut self, at: Place, anchor: usize, content: Content) -> Result<(), Diagnostic> {
        if self.open.len() >= MAX_HEIGHT {
            return Err(too_deep(at));
        }
        self.open.push(Open {
            at,
            anchor,
            content,
            key: None,
        });
        Ok(())
    }

    fn end(&mut self) -> Result<(), Diagnostic> {
        match self.open.pop() {
            Some(done) => self.add(Rc::new(Node::new(done.at, done.content)), done.anchor),
            None => Ok(()),
        }
    }

    /// Adds a finished value to the open collection, or makes it the document.
    fn add(&mut self, node: Rc<Node>, anchor: usize) -> Result<(), Diagnostic> {
        if node.height + self.open.len() > MAX_HEIGHT {
            return Err(too_deep(node.at));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut open.content {
            Content::List(items) => items.push(node),
            Content::Map(entries) => match open.key.take() {
                None => open.key = Some(key_of(&node)?),
                Some((key, at)) => self.faults.extend(insert(entries, key, at, node)),
            },
            Content::Null | Content::Text(_) => {}
        }
        Ok(())
    }
}

/// Adds a key. Of two equal keys the first one is kept, and the second one is an error. The message
/// does not repeat the key, because a secret may have been pasted there.
fn insert(
    entries: &mut BTreeMap<String, Entry>,
    key: String,
    at: Place,
    value: Rc<Node>,
) -> Option<Diagnostic> {
    if let Some(first) = entries.get(&key) {
        let line = match first.at {
            Place::File { line, .. } => line,
            Place::Flag | Place::Nowhere => 0,
        };
        let message = format!("this key stands in line {line} already: keep one of the two");
        return Some(Diagnostic::new(at, "", message));
    }
    entries.insert(key, Entry { at, value });
    None
}

fn key_of(node: &Node) -> Result<(String, Place), Diagnostic> {
    match &node.content {
        Content::Text(text) => Ok((text.clone(), node.at)),
        _ => Err(Diagnostic::new(node.at, "", "a key must be a word")),
    }
}

fn scalar(text: String, style: ScalarStyle) -> Content {
    let plain = matches!(style, ScalarStyle::Plain);
    if plain && matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL") {
        return Content::Null;
    }
    Content::Text(text)
}

fn too_deep(at: Place) -> Diagnostic {
    let message = format!("nested deeper than {MAX_HEIGHT} levels");
    Diagnostic::new(at, "", message)
}

fn syntax_fault(error: &ScanError) -> Diagnostic {
    let message = format!("this is not YAML: {}", error.info());
    Diagnostic::new(place(*error.marker()), "", message)
}

fn place(marker: Marker) -> Place {
    Place::File {
        line: marker.line(),
        column: marker.col() + 1,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn messages(text: &str) -> Vec<String> {
        read(text).1.into_iter().map(|f| f.message).collect()
    }

    fn entry<'a>(node: &'a Node, key: &str) -> &'a Entry {
        match &node.content {
            Content::Map(entries) => &entries[key],
            other => panic!("{other:?}"),
        }
    }

    /// Returns the tree of a text without faults.
    fn tree(text: &str) -> Rc<Node> {
        let (root, faults) = read(text);
        assert!(faults.is_empty(), "{faults:?}");
        root.unwrap()
    }

    /// Returns the text of a scalar, or `None` for a null.
    fn text_of(node: &Node) -> Option<&str> {
        match &node.content {
            Content::Null => None,
            Content::Text(text) => Some(text),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn values_have_positions() {
        let root = tree("a: 1\nb:\n  - x\n  - 'y'\n");
        let b = entry(&root, "b");
        assert_eq!(b.at, Place::File { line: 2, column: 1 });
        let Content::List(items) = &b.value.content else {
            panic!("not a list");
        };
        assert_eq!(items[1].at, Place::File { line: 4, column: 5 });
        assert_eq!(text_of(&items[1]), Some("y"));
    }

    #[test]
    fn only_a_plain_null_is_nothing() {
        let root = tree("a:\nb: null\nc: ''\nd: 'null'\n");
        for (key, text) in [
            ("a", None),
            ("b", None),
            ("c", Some("")),
            ("d", Some("null")),
        ] {
            assert_eq!(text_of(&entry(&root, key).value), text, "{key}");
        }
    }

    #[test]
    fn an_alias_shares_its_anchor() {
        let root = tree("a: &x [1]\nb: *x\n");
        let [a, b] = ["a", "b"].map(|key| &entry(&root, key).value);
        assert!(Rc::ptr_eq(a, b));
    }

    #[test]
    fn nested_aliases_neither_grow_nor_go_deep() {
        let mut bomb = String::from("a0: &a0 [x]\n");
        for level in 1..2_000 {
            let below = format!("*a{}, ", level - 1).repeat(9);
            bomb.push_str(&format!("a{level}: &a{level} [{below}]\n"));
        }
        assert_eq!(messages(&bomb), ["nested deeper than 16 levels"]);
        assert_eq!(messages(&"[".repeat(17)), ["nested deeper than 16 levels"]);
        assert_eq!(messages(&"[".repeat(500_000)).len(), 1);
    }

    #[test]
    fn invalid_documents_are_rejected() {
        for (text, message) in [
            (
                "a: 1\na: 2\n",
                "this key stands in line 1 already: keep one of the two",
            ),
            ("a: &x [*x]\n", "this alias stands inside its own anchor"),
            (
                "a: !!str 1\n",
                "a tag (!...) has no meaning here: remove it",
            ),
            ("[a]: 1\n", "a key must be a word"),
            (
                "a: 1\n---\nb: 2\n",
                "a second document starts here: keep everything in one",
            ),
        ] {
            assert_eq!(messages(text), [message]);
        }
        assert!(messages("a: [1\n")[0].starts_with("this is not YAML: "));
    }

    #[test]
    fn an_empty_file_is_no_tree_and_no_fault() {
        for text in ["", "\n", "# only a comment\n"] {
            let (root, faults) = read(text);
            assert!(root.is_none() && faults.is_empty(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[-a:#&*!'\"\\[\\]{}, \n\t|>?%@~]{0,60}") {
            let _ = read(&text);
        }
    }
}
