//! `extra`: reads a column that only the drift policy `evolve` kept, until its feed's contract knows it.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, StringArray};
use arrow::datatypes::DataType;

use super::calendar::scalar;
use super::{Body, Function};

pub(super) fn functions() -> Vec<Function> {
    let body = |arguments: &[ArrayRef]| -> ArrayRef {
        let (kept, headers) = (arguments[0].as_string::<i32>(), arguments[1].as_string::<i32>());
        let value = |(kept, header): (Option<&str>, Option<&str>)| -> Option<String> {
            let columns: serde_json::Map<String, serde_json::Value> = serde_json::from_str(kept?).ok()?;
            columns.get(header?)?.as_str().map(str::to_string)
        };
        Arc::new(kept.iter().zip(headers.iter()).map(value).collect::<StringArray>())
    };
    vec![Function {
        usage: "extra(_extra, header) -> text",
        words: "The text of a column that the sender's file has under that header and the feed's contract does not know, \
                where drift = \"evolve\" keeps such columns. NULL where there is none.",
        body: Body::Scalar(scalar("extra", vec![DataType::Utf8, DataType::Utf8], DataType::Utf8, body)),
    }]
}
