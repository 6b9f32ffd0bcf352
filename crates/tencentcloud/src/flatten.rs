//! Flattens JSON parameters to the names and values of a form: `Filter.RetCode`,
//! `Topics.0.TopicId`.

use serde_json::Value;

/// Returns the leaves of `params` in order. Nulls are omitted, as in the vendor's clients, and so
/// are empty lists and objects, which a form cannot express.
pub(super) fn flatten(params: &Value) -> Vec<(String, String)> {
    let mut leaves = Vec::new();
    walk(String::new(), params, &mut leaves);
    leaves
}

fn walk(name: String, value: &Value, leaves: &mut Vec<(String, String)>) {
    let below = |part: &str| match name.as_str() {
        "" => part.to_owned(),
        name => format!("{name}.{part}"),
    };
    match value {
        Value::Object(fields) => {
            for (part, value) in fields {
                walk(below(part), value, leaves);
            }
        }
        Value::Array(items) => {
            for (i, value) in items.iter().enumerate() {
                walk(below(&i.to_string()), value, leaves);
            }
        }
        Value::Null => {}
        Value::String(text) => leaves.push((name, text.clone())),
        Value::Bool(_) | Value::Number(_) => leaves.push((name, value.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_are_joined_by_dots_and_lists_counted_from_zero() {
        let params = json!({
            "FunctionName": "demo",
            "Filter": {"RetCode": "not0"},
            "Limit": 100,
            "Offset": null,
            "Topics": [{"TopicId": "t-1"}, {"TopicId": "t-2", "Context": "abc="}],
            "Empty": "",
            "Nothing": [],
            "HighLight": false,
        });
        let mut leaves = flatten(&params);
        leaves.sort();
        let expected = [
            ("Empty", ""),
            ("Filter.RetCode", "not0"),
            ("FunctionName", "demo"),
            ("HighLight", "false"),
            ("Limit", "100"),
            ("Topics.0.TopicId", "t-1"),
            ("Topics.1.Context", "abc="),
            ("Topics.1.TopicId", "t-2"),
        ];
        assert_eq!(leaves, expected.map(|(n, v)| (n.to_owned(), v.to_owned())));
    }

    #[test]
    fn what_is_no_object_gives_no_names() {
        assert_eq!(flatten(&Value::Null), []);
        assert_eq!(flatten(&json!({})), []);
    }
}
