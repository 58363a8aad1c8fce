//! Every example of kubectl's help is run: each on a copy of one prepared machine and cluster, and it has to succeed, or
//! end as `ENDS` says. The examples are taken from the help texts themselves, so a new one is tested because it is there.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops at once, in its helpers too")]

use std::time::Duration;

use tabernetes::playground::Session;

/// What the machine and the cluster hold before each example.
const PREPARED: &str = include_str!("examples/prepared.sh");

/// Examples that do not end with 0: a part of the line, the exit code, and what is said then.
const ENDS: &[(&str, i32, &str)] = &[
    ("kubectl top ", 1, "Metrics API not available"),
    ("kubectl plugin list", 1, "unable to find any kubectl plugins"),
    ("kubectl certificate ", 1, "not found"),
    ("kubectl create -f job.yaml", 1, "already exists"),
    ("rollout resume", 1, "is not paused"),
    ("dedicated:NoSchedule-", 1, "not found"),
    ("kubectl wait --for=delete", 1, "timed out"),
    ("kubectl drain node01", 1, "declare no controller"),
    ("kubectl edit service kubernetes", 1, "Standard input is not a terminal"),
];

/// Examples that go on until they are interrupted.
const ENDLESS: &[&str] = &[" -w", "--watch", "logs -f", "port-forward", "kubectl proxy", "kubectl attach", "exec -it"];

fn help(session: &mut Session, path: &str) -> String {
    session.run(&format!("{path} --help")).stdout
}

/// The lines below a title, up to an empty one that an unindented line follows.
fn section<'a>(text: &'a str, title: &str) -> Vec<&'a str> {
    let lines = text.lines().skip_while(|line| *line != title).skip(1);
    lines.take_while(|line| line.is_empty() || line.starts_with(' ')).collect()
}

fn gather(session: &mut Session, path: &str, examples: &mut Vec<(String, String)>) {
    let text = help(session, path);
    let found: Vec<String> = section(&text, "Examples:")
        .into_iter()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::to_owned)
        .collect();
    let below: Vec<String> = section(&text, "Available Commands:")
        .into_iter()
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect();
    assert!(!found.is_empty() || !below.is_empty() || path == "kubectl alpha", "{path} has no example");
    examples.extend(found.into_iter().map(|line| (path.to_owned(), line)));
    for name in below {
        gather(session, &format!("{path} {name}"), examples);
    }
}

#[test]
fn every_example_of_the_help_runs() {
    let mut session = Session::new(3);
    for line in PREPARED.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let done = session.run(&line.replace("\\n", "\n"));
        assert_eq!(done.exit, 0, "{line}\n{}{}", done.stdout, done.stderr);
    }
    session.advance(Duration::from_secs(40));
    let overview = session.run("kubectl help").stdout;
    let mut examples = Vec::new();
    let commands: Vec<String> = overview
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("  kubectl"))
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect();
    for name in commands {
        gather(&mut session, &format!("kubectl {name}"), &mut examples);
    }
    assert!(examples.len() > 120, "only {} examples were found", examples.len());
    let mut wrong = Vec::new();
    for (path, line) in &examples {
        let mut copy = session.clone();
        let endless = !line.contains('&') && ENDLESS.iter().any(|part| line.contains(part));
        let done = copy.run_for(line, Duration::from_secs(if endless { 5 } else { 90 }));
        let (code, said) =
            ENDS.iter().find(|(part, _, _)| line.contains(part)).map_or((0, ""), |(_, code, said)| (*code, *said));
        let all = format!("{}{}", done.stdout, done.stderr);
        // What is interrupted ends as a shell says it.
        let fine = if endless { [0, 130].contains(&done.exit) } else { done.exit == code && all.contains(said) };
        if !fine {
            wrong.push(format!("{path}\n  $ {line}\n  exit {}\n{all}", done.exit));
        }
    }
    assert!(wrong.is_empty(), "{} of {} examples:\n{}", wrong.len(), examples.len(), wrong.join("\n"));
}
