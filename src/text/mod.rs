//! Formats: YAML, JSONPath, HTTP values, tables, durations, and the words of the interface. No Kubernetes rule lives here.

pub mod duration;
pub mod go_diff;
pub mod go_json;
pub mod go_number;
pub mod go_time;
pub mod go_value;
pub mod http;
pub mod json_path;
pub mod pem;
pub mod similar_names;
pub mod table;
pub mod tar;
pub mod words;
pub mod yaml;
