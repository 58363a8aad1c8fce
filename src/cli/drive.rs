//! `tabernetes drive`: one playground spoken to in JSON, one object a line, on standard input and output.
//! Time is virtual and moves only by `advance`, by `until` and by commands that wait.

use std::io::{BufRead, Write};
use std::time::Duration;

use serde_json::{Value, json};

use super::options::Options;
use super::{Failure, Subcommand, prose};
use crate::playground::Session;
use crate::shell::machine::Stream;

/// The subcommand.
pub const SUBCOMMAND: Subcommand = Subcommand {
    name: "drive",
    usage: "[--seed N]",
    summary: "Runs a fresh playground that is spoken to in JSON, one object a line, on standard input.",
    run,
};

/// The seed when none is given: with it kubelets look at their containers at about the moments at which the recorded
/// ones did (see `tests/transcripts`).
const SEED: u64 = 2;

fn run(words: &[String]) -> Result<(), Failure> {
    let options = Options::read(words, &["seed"])?;
    let seed = match options.value("seed") {
        None => SEED,
        Some(number) => number.parse().map_err(|_| Failure::Usage(format!("`{number}` is no number")))?,
    };
    if let Some(word) = options.plain.first() {
        return Err(Failure::Usage(format!("`{word}` is one word too many")));
    }
    let mut session = Session::new(seed);
    if let Some(prose) = prose::read()? {
        session.set_prose(prose);
    }
    drive(session, std::io::stdin().lock(), std::io::stdout().lock())
        .map_err(|error| Failure::Failed(format!("tabernetes drive: {error}")))
}

/// Speaks the protocol until the input ends.
fn drive(mut session: Session, input: impl BufRead, mut output: impl Write) -> std::io::Result<()> {
    for line in input.split(b'\n') {
        let line = String::from_utf8_lossy(&line?).into_owned();
        if line.trim().is_empty() {
            continue;
        }
        let answer = answer(&mut session, &line).unwrap_or_else(|error| json!({"error": error}));
        writeln!(output, "{answer}")?;
        output.flush()?;
    }
    Ok(())
}

/// The answer to one question.
///
/// # Errors
/// What is wrong with the question; nothing has changed then.
fn answer(session: &mut Session, line: &str) -> Result<Value, String> {
    let question: Value = serde_json::from_str(line).map_err(|error| format!("not JSON: {error}"))?;
    let text = |name: &str| {
        let value = question.get(name).ok_or_else(|| format!("`{name}` is missing"))?;
        value.as_str().ok_or_else(|| format!("`{name}` is no string"))
    };
    let seconds = |name: &str| {
        let value = question.get(name).ok_or_else(|| format!("`{name}` is missing"))?;
        let value = value.as_f64().ok_or_else(|| format!("`{name}` is no number"))?;
        Duration::try_from_secs_f64(value).map_err(|error| format!("`{name}`: {error}"))
    };
    // An id may be a number: the name is what counts.
    let id = || match question.get("id") {
        Some(Value::String(id)) => Ok(id.clone()),
        Some(Value::Number(id)) => Ok(id.to_string()),
        _ => Err("`id` is missing".to_owned()),
    };
    match text("op")? {
        "write" => {
            let (path, content) = (text("path")?, text("content")?);
            session.write(path, content).map_err(|error| format!("{path}: {error}"))?;
            Ok(json!({"ok": true}))
        }
        "run" => {
            let outcome = session.run(text("line")?);
            Ok(json!({
                "stdout": outcome.stdout,
                "stderr": outcome.stderr,
                "exit": outcome.exit,
                "time": outcome.time.as_secs_f64(),
            }))
        }
        "start" => {
            session.start(&id()?, text("line")?)?;
            Ok(json!({"ok": true}))
        }
        "stop" => {
            let (lines, exit) = session.stop(&id()?)?;
            let lines: Vec<Value> = lines
                .iter()
                .map(|line| {
                    let stream = if line.stream == Stream::Stdout { "out" } else { "err" };
                    json!([line.time.as_secs_f64(), stream, line.text])
                })
                .collect();
            Ok(json!({"lines": lines, "exit": exit}))
        }
        "advance" => {
            session.advance(seconds("seconds")?);
            Ok(json!({"time": session.time().as_secs_f64()}))
        }
        "until" => {
            let ok = session.until(text("line")?, text("match")?, seconds("timeout")?)?;
            Ok(json!({"ok": ok, "time": session.time().as_secs_f64()}))
        }
        other => Err(format!("`{other}` is no operation: write, run, start, stop, advance and until are")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_malformed_line_is_answered_with_an_error_and_changes_nothing() {
        let questions = concat!(
            "nonsense\n",
            "{}\n",
            "{\"op\":\"fly\"}\n",
            "{\"op\":\"run\"}\n",
            "{\"op\":\"advance\",\"seconds\":-1}\n",
            "{\"op\":\"until\",\"line\":\"true\",\"match\":\"(\",\"timeout\":1}\n",
            "{\"op\":\"stop\",\"id\":\"1\"}\n",
            "\n",
            "{\"op\":\"advance\",\"seconds\":1.5}\n",
        );
        let mut output = Vec::new();
        drive(Session::new(SEED), questions.as_bytes(), &mut output).unwrap();
        let answers: Vec<Value> =
            String::from_utf8(output).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(answers.len(), 8);
        assert!(answers[..7].iter().all(|answer| answer["error"].is_string()));
        assert_eq!(answers[7], json!({"time": 1.5}));
    }
}
