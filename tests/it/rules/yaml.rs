//! YAML as a tree of JSON values. Scalars stay text: the rules of rule files are about words.

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value};

/// The one document in `text`. Aliases, tags and what is no YAML end the test.
pub fn read(text: &str) -> Value {
    let mut open: Vec<(Value, Option<String>)> = Vec::new();
    let mut events = Parser::new_from_str(text);
    while let Some(event) = events.next_event() {
        let (event, _) = event.unwrap();
        let done = match event {
            Event::MappingStart(..) => {
                open.push((Value::Object(Map::new()), None));
                continue;
            }
            Event::SequenceStart(..) => {
                open.push((Value::Array(Vec::new()), None));
                continue;
            }
            Event::MappingEnd | Event::SequenceEnd => open.pop().unwrap().0,
            Event::Scalar(text, style, ..) => {
                let is_null = style == ScalarStyle::Plain && (text == "~" || text.is_empty());
                match open.last_mut() {
                    // A key; its value comes next.
                    Some((Value::Object(_), key @ None)) => {
                        *key = Some(text.into_owned());
                        continue;
                    }
                    _ if is_null => Value::Null,
                    _ => Value::String(text.into_owned()),
                }
            }
            Event::Alias(_) => panic!("aliases have no place in these files"),
            _ => continue,
        };
        match open.last_mut() {
            None => return done,
            Some((Value::Array(items), _)) => items.push(done),
            Some((Value::Object(entries), key)) => {
                let key = key.take().expect("a key stands before its value");
                let twice = entries.insert(key.clone(), done);
                assert!(twice.is_none(), "key {key} stands twice");
            }
            Some(_) => unreachable!("only these two are opened"),
        }
    }
    panic!("no document");
}
