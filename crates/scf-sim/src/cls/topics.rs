//! Descriptions of log topics and their indexes.

use serde_json::{Value, json};

use super::{LogRequest, invalid, record};
use crate::function::{topic_count, topic_id};
use crate::problem::Problem;
use crate::rng::{mix, uuid_text, uuid_v4};
use crate::settings::{Index, Settings};

/// A log topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Topic {
    pub(super) position: usize,
    pub(super) id: String,
    pub(super) name: String,
}

const DEFAULT_LIMIT: i64 = 20;
const MAX_LIMIT: i64 = 100;
const LOGSET_KEY: u64 = 0x1065_E700;
const TOKENIZER: &str = "@&?|#()='\",;:<>[]{}/ \n\t\r\\";

/// Returns the topic with this id, or the error for an unknown one.
pub(super) fn topic_of_id(ask: &LogRequest<'_>, id: &str) -> Result<Topic, Problem> {
    all(ask.settings)
        .find(|topic| topic.id == id)
        .ok_or_else(|| {
            let shown: String = id.chars().take(60).collect();
            let message = format!("topic_id {shown:?} does not exist");
            Problem::new("ResourceNotFound.TopicNotExist", message)
        })
}

/// Returns the response to DescribeTopics.
pub(super) fn describe_topics(ask: &LogRequest<'_>) -> Result<String, Problem> {
    let limit = ask.integer("Limit")?.unwrap_or(DEFAULT_LIMIT);
    let offset = ask.integer("Offset")?.unwrap_or(0);
    if !(1..=MAX_LIMIT).contains(&limit) || offset < 0 {
        let message = format!("Limit must lie between 1 and {MAX_LIMIT}, Offset at 0 or above");
        return Err(invalid(message));
    }
    if ask.param("Filters").is_some() {
        return Err(invalid("Filters are not simulated"));
    }
    let matches: Vec<Topic> = all(ask.settings).collect();
    let page: Vec<Value> = matches
        .iter()
        .skip(offset as usize)
        .take(limit as usize)
        .map(|topic| described(topic, ask.settings))
        .collect();
    Ok(json!({ "Topics": page, "TotalCount": matches.len() }).to_string())
}

/// Returns the response to DescribeIndex.
pub(super) fn describe_index(ask: &LogRequest<'_>) -> Result<String, Problem> {
    let id = ask
        .text("TopicId")?
        .ok_or_else(|| Problem::missing("TopicId"))?;
    let topic = topic_of_id(ask, id)?;
    let full_text = json!({
        "CaseSensitive": false, "Tokenizer": TOKENIZER, "ContainZH": true,
    });
    let rule = match ask.settings.cls.index {
        Index::Missing => {
            let message = "the topic has no index";
            return Err(Problem::new("ResourceNotFound.IndexNotExist", message));
        }
        Index::FullText => json!({ "FullText": full_text, "KeyValue": null, "Tag": null }),
        Index::Keys => {
            let keys: Vec<Value> = record::KEYS.iter().map(|key| described_key(key)).collect();
            json!({
                "FullText": full_text,
                "KeyValue": { "CaseSensitive": false, "KeyValues": keys },
                "Tag": null,
            })
        }
    };
    let answer = json!({
        "TopicId": topic.id, "Status": true, "Rule": rule, "ModifyTime": "2021-05-20 10:00:00",
        "IncludeInternalFields": false, "MetadataFlag": 0,
    });
    Ok(answer.to_string())
}

fn all(settings: &Settings) -> impl Iterator<Item = Topic> {
    (0..topic_count(settings)).map(|position| Topic {
        position,
        id: topic_id(position, settings),
        name: match position {
            0 => "SCF_logtopic_default".to_owned(),
            n => format!("SCF_logtopic_{n}"),
        },
    })
}

fn described(topic: &Topic, settings: &Settings) -> Value {
    json!({
        "LogsetId": uuid_text(uuid_v4(mix(settings.seed, LOGSET_KEY))),
        "TopicId": topic.id,
        "TopicName": topic.name,
        "PartitionCount": 1,
        "Index": settings.cls.index != Index::Missing,
        "AssumerName": "SCF",
        "CreateTime": "2021-05-20 10:00:00",
        "Status": true,
        "Tags": null,
        "AutoSplit": true,
        "MaxSplitPartitions": 50,
        "StorageType": "hot",
        "Period": settings.retention_ms / 86_400_000,
        "Describes": "",
    })
}

fn described_key(key: &str) -> Value {
    let kind = match key {
        "SCF_Duration" | "SCF_LogTime" | "SCF_RetryNum" | "SCF_StartTime" | "SCF_StatusCode" => {
            "long"
        }
        "SCF_MemUsage" => "double",
        _ => "text",
    };
    let tokenizer = if kind == "text" { TOKENIZER } else { "" };
    json!({
        "Key": key,
        "Value": { "Type": kind, "Tokenizer": tokenizer, "SqlFlag": true, "ContainZH": false },
    })
}
