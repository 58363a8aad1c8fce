//! A scenario of Killercoda (`index.json` and its Markdown) as a lesson of ours, and a list of what could not be taken
//! over. Reads no file and runs nothing; whether its commands run here is for a rehearsal to find out.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// What of a scenario is used; everything else of its index is reported.
#[derive(Debug, Deserialize)]
struct Index {
    title: String,
    #[serde(default)]
    description: String,
    details: Details,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

#[derive(Debug, Deserialize)]
struct Details {
    #[serde(default)]
    intro: Part,
    #[serde(default)]
    steps: Vec<Part>,
    #[serde(default)]
    finish: Part,
    #[serde(default)]
    assets: BTreeMap<String, Vec<Asset>>,
}

#[derive(Debug, Default, Deserialize)]
struct Part {
    #[serde(default)]
    title: String,
    #[serde(default)]
    text: String,
    verify: Option<String>,
    solution: Option<String>,
    foreground: Option<String>,
    background: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Asset {
    file: String,
    #[serde(default)]
    target: String,
}

/// A lesson made of a scenario.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// The text of `lesson.md`.
    pub lesson: String,
    /// Other files of its folder.
    pub files: BTreeMap<String, String>,
    /// What could not be taken over, a sentence each.
    pub report: Vec<String>,
}

/// How a command goes that somebody has tried here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goes {
    /// It ends with 0.
    Well,
    /// It ends with another exit code.
    Wrong,
    /// It does not end.
    On,
    /// There is no such program here.
    Nowhere,
}

/// A machine on which a scenario is tried out while it is read.
pub trait TryOut {
    /// Writes a file into the home directory.
    fn write(&mut self, name: &str, text: &str);
    /// Runs a line, or a script.
    fn run(&mut self, line: &str) -> Goes;
}

/// Makes a lesson of the files of a scenario; its commands are tried out in the order of the text.
///
/// # Errors
/// What is wrong with its `index.json`.
pub fn import(files: &BTreeMap<String, String>, try_out: &mut dyn TryOut) -> Result<Imported, String> {
    let index = files.get("index.json").ok_or("there is no index.json: a scenario of Killercoda has one")?;
    let index: Index = serde_json::from_str(index).map_err(|error| format!("index.json: {error}"))?;
    let mut import = Import { files, try_out, out: Imported::default(), body: String::new(), steps: 0, level: 1 };
    import.unknown(&index);
    let start = import.start(&index);
    import.part(&index.details.intro, false);
    for step in &index.details.steps {
        import.part(step, true);
    }
    import.part(&index.details.finish, false);
    let quoted = |text: &str| Value::from(text).to_string();
    let description = if index.description.is_empty() { &index.title } else { &index.description };
    let minutes = (2 + 3 * index.details.steps.len()).min(60);
    let (title, description) = (quoted(&index.title), quoted(description));
    let front_matter = format!("title: {title}\ndescription: {description}\nminutes: {minutes}\n{start}");
    import.out.lesson = format!("---\n{front_matter}---\n{}\n", import.body.trim());
    Ok(import.out)
}

struct Import<'a> {
    files: &'a BTreeMap<String, String>,
    try_out: &'a mut dyn TryOut,
    out: Imported,
    body: String,
    steps: usize,
    /// The level of the last heading.
    level: usize,
}

impl Import<'_> {
    fn report(&mut self, sentence: String) {
        self.out.report.push(sentence);
    }

    fn file(&mut self, name: &str) -> Option<String> {
        let found = self.files.get(name.trim_start_matches("./")).cloned();
        if found.is_none() {
            self.report(format!("`{name}` is named by index.json and is not there, or is no text"));
        }
        found
    }

    fn unknown(&mut self, index: &Index) {
        for (key, value) in &index.rest {
            let image = value.get("imageid").and_then(Value::as_str);
            match (key.as_str(), image) {
                ("backend", Some(image)) if image.starts_with("kubernetes") => {}
                ("backend", _) => {
                    self.report(format!("its machine is {value}; here it is a cluster of Kubernetes, always"))
                }
                ("difficulty" | "time" | "type" | "courseData", _) => {}
                _ => self.report(format!("`{key}` of index.json means nothing here")),
            }
        }
    }

    /// Files that lie there and scripts that run before the reader comes.
    fn start(&mut self, index: &Index) -> String {
        let (mut home, mut setup) = (Vec::new(), Vec::new());
        for (host, assets) in &index.details.assets {
            for asset in assets {
                let (start, end) = asset.file.split_once('*').unwrap_or((&asset.file, ""));
                let fits = |name: &str| match asset.file.contains('*') {
                    true => name.starts_with(start) && name.ends_with(end) && name.len() >= start.len() + end.len(),
                    false => name == asset.file,
                };
                let found = self.files.iter().filter_map(|(path, text)| {
                    let name = path.strip_prefix("assets/")?;
                    fits(name).then(|| (name.rsplit('/').next().unwrap_or(name).to_owned(), text.clone()))
                });
                let found: Vec<(String, String)> = found.collect();
                if found.is_empty() {
                    self.report(format!("the asset `{}` is not there, or is no text", asset.file));
                }
                if !matches!(asset.target.as_str(), "" | "/root" | "~" | "/root/") {
                    let target = &asset.target;
                    self.report(format!(
                        "the asset `{}` goes to {target} of {host}; here it lies in the home directory",
                        asset.file
                    ));
                }
                for (name, text) in found {
                    home.push(name.clone());
                    self.try_out.write(&name, &text);
                    self.out.files.insert(name, text);
                }
            }
        }
        for (what, script) in
            [("background", &index.details.intro.background), ("foreground", &index.details.intro.foreground)]
        {
            let Some(name) = script else { continue };
            let Some(text) = self.file(name) else { continue };
            let own = format!("{what}.sh");
            setup.push(format!("bash {own}"));
            home.push(own.clone());
            if self.try_out.run(&text) != Goes::Well {
                self.report(format!("the script `{name}` does not end well here; see what it needs"));
            }
            self.out.files.insert(own, text);
        }
        let list = |key: &str, items: &[String]| match items {
            [] => String::new(),
            _ => format!("{key}:\n{}", items.iter().map(|item| format!("- {item}\n")).collect::<String>()),
        };
        home.sort();
        home.dedup();
        list("files", &home) + &list("setup", &setup)
    }

    fn part(&mut self, part: &Part, is_step: bool) {
        for (what, script) in [("background", &part.background), ("foreground", &part.foreground)] {
            if let Some(name) = script.as_ref().filter(|_| is_step) {
                self.report(format!(
                    "the {what} script `{name}` would run in the middle of the lesson, which nothing here does"
                ));
            }
        }
        if is_step && !part.title.is_empty() {
            self.level = 2;
            self.body.push_str(&format!("\n## {}\n\n", part.title));
        }
        if !part.text.is_empty()
            && let Some(text) = self.file(&part.text)
        {
            self.markdown(&text);
        }
        if let Some(name) = &part.verify
            && let Some(script) = self.file(name)
        {
            self.steps += 1;
            let script = script.lines().filter(|line| !line.starts_with("#!")).map(|line| format!("      {line}\n"));
            let title =
                Value::from(if part.title.is_empty() { "Do what the text asks for." } else { part.title.as_str() });
            self.body.push_str(&format!(
                "\n```steps\n- id: step-{}\n  text: {title}\n  try:\n    exit: 0\n    run: |\n{}```\n",
                self.steps,
                script.collect::<String>()
            ));
            self.report(format!(
                "`{name}` is a script; it runs on a copy of the cluster. Checks over objects would tell the reader what is missing"
            ));
        }
        if let Some(name) = &part.solution
            && let Some(text) = self.file(name)
        {
            self.body.push_str("\n````solution\n");
            self.markdown(&text);
            self.body.push_str("````\n");
        }
    }

    /// Markdown as Killercoda has it: `{{exec}}` behind what can be clicked, HTML between the lines.
    fn markdown(&mut self, text: &str) {
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if line.trim_start().starts_with("```") {
                self.fence(line.trim(), &mut lines);
            } else if line.starts_with('#') {
                let words = line.trim_start_matches('#');
                let level = (line.len() - words.len()).clamp(2, self.level + 1);
                self.level = level;
                self.body.push_str(&format!("{}{words}\n", "#".repeat(level)));
            } else {
                self.prose(line);
            }
        }
        self.body.push('\n');
    }

    fn fence(&mut self, open: &str, lines: &mut std::str::Lines<'_>) {
        let mut content = Vec::new();
        let mut end = String::new();
        for line in lines {
            if line.trim_start().starts_with("```") {
                end = line.trim().to_owned();
                break;
            }
            content.push(line);
        }
        let content = content.join("\n");
        if end.contains("{{exec") {
            self.run(&content, end.contains("interrupt"));
            return;
        }
        let language = open.trim_start_matches('`');
        let known = ["yaml", "json", "sh", "text", "go", "rust", "toml", "dockerfile"];
        let language = match language {
            "bash" | "shell" => "sh",
            "yml" => "yaml",
            other if known.contains(&other) => other,
            _ => "text",
        };
        self.body.push_str(&format!("```{language}\n{content}\n```\n"));
    }

    /// Commands to click: those that run here become commands, all others are shown.
    fn run(&mut self, content: &str, interrupt: bool) {
        if interrupt {
            self.report(format!(
                "`{}` would press Ctrl-C first; the reader has to",
                content.lines().next().unwrap_or_default()
            ));
        }
        for line in content.lines().filter(|line| !line.trim().is_empty()) {
            let info = match self.try_out.run(line) {
                Goes::Well => "sh run",
                Goes::Wrong => {
                    self.report(format!("`{line}` ends with an error here"));
                    "sh run fails"
                }
                Goes::On => "sh run endless",
                Goes::Nowhere => {
                    self.report(format!("`{line}` cannot run here; it is shown only"));
                    "sh"
                }
            };
            self.body.push_str(&format!("\n```{info}\n{line}\n```\n"));
        }
    }

    fn prose(&mut self, line: &str) {
        let plain = without_tags(line);
        if plain != line && !plain.trim().is_empty() {
            self.report(format!("HTML is not taken here; of `{}` the words are kept", line.trim()));
        }
        if plain.trim().is_empty() && plain != line {
            return;
        }
        // A command in the middle of a sentence stands below it.
        let mut commands = Vec::new();
        let mut text = plain;
        for mark in ["{{exec}}", "{{execute}}", "{{exec interrupt}}"] {
            while let Some(at) = text.find(mark) {
                let before = text.get(..at).unwrap_or_default();
                let code = before
                    .strip_suffix('`')
                    .and_then(|before| before.rsplit_once('`'))
                    .map(|(_, code)| code.to_owned());
                commands.extend(code);
                text.replace_range(at..at + mark.len(), "");
            }
        }
        text = text.replace("{{copy}}", "");
        if let Some((_, rest)) = text.split_once("{{") {
            let name = rest.split("}}").next().unwrap_or_default().to_owned();
            self.report(format!("`{{{{{name}}}}}` means nothing here"));
        }
        self.body.push_str(&text);
        self.body.push('\n');
        for command in commands {
            self.run(&command, false);
        }
    }
}

/// A line without HTML; code between backticks keeps its brackets.
fn without_tags(line: &str) -> String {
    let mut out = String::new();
    for (at, part) in line.split('`').enumerate() {
        if at > 0 {
            out.push('`');
        }
        if at % 2 == 1 {
            out.push_str(part);
            continue;
        }
        let mut rest = part;
        while let Some((before, after)) = rest.split_once('<') {
            let tag = after.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '!');
            out.push_str(before);
            rest = match after.split_once('>').filter(|_| tag) {
                Some((_, after)) => after,
                None => {
                    out.push_str("\\<");
                    after
                }
            };
        }
        out.push_str(rest);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::{Source, read};
    use super::*;

    const INDEX: &str = r#"{
        "title": "A scenario", "description": "About Pods",
        "details": {
            "intro": {"text": "intro.md", "background": "setup.sh"},
            "steps": [{"title": "First", "text": "step1/text.md", "verify": "step1/verify.sh", "solution": "gone.md"}],
            "finish": {"text": "finish.md"},
            "assets": {"host01": [{"file": "*.yaml", "target": "/opt"}]}
        },
        "backend": {"imageid": "kubernetes-kubeadm-1node"},
        "interface": {"layout": "editor-terminal"}
    }"#;

    #[derive(Default)]
    struct Machine {
        files: Vec<String>,
    }

    impl TryOut for Machine {
        fn write(&mut self, name: &str, _: &str) {
            self.files.push(name.to_owned());
        }
        fn run(&mut self, line: &str) -> Goes {
            match line {
                "helm list" => Goes::Nowhere,
                "kubectl get nodes" if self.files != ["pod.yaml"] => Goes::Wrong,
                _ => Goes::Well,
            }
        }
    }

    #[test]
    fn a_scenario_becomes_a_lesson_and_a_list_of_what_it_could_not_become() {
        let step = "# Deep\n\nRun `kubectl get pods`{{exec}} and <b>look</b>.<br>\n\n```\nkubectl get nodes\nhelm list\n```{{exec}}\n\n\
                    ```bash\necho shown\n```{{copy}}\n\nOpen {{TRAFFIC_HOST1_80}}\n";
        let files = [
            ("index.json", INDEX),
            ("intro.md", "Hello\n"),
            ("setup.sh", "kubectl create namespace a\n"),
            ("step1/text.md", step),
            ("step1/verify.sh", "#!/bin/bash\nkubectl get pod x\n"),
            ("finish.md", "Done\n"),
            ("assets/pod.yaml", "kind: Pod\n"),
        ];
        let files = files.map(|(name, text)| (name.to_owned(), text.to_owned())).into();
        let mut goes = Machine::default();
        let imported = import(&files, &mut goes).unwrap();
        let source = Source {
            path: "l.md".to_owned(),
            text: imported.lesson.clone(),
            files: imported.files.clone(),
            ..Source::default()
        };
        let document = read(&source).unwrap_or_else(|problems| panic!("{problems:?}\n{}", imported.lesson));
        assert_eq!(document.lesson.setup, ["bash background.sh"]);
        assert_eq!(
            document.lesson.home.iter().map(|file| file.name.as_str()).collect::<Vec<_>>(),
            ["background.sh", "pod.yaml"]
        );
        let attempt = document.lesson.steps[0].attempt.as_ref().unwrap();
        assert_eq!((attempt.run.as_str(), attempt.exit), ("kubectl get pod x\n", Some(0)));
        for part in [
            "## First",
            "Run `kubectl get pods` and look.",
            "```sh run\nkubectl get nodes\n```",
            "```sh\nhelm list\n```",
            "```sh\necho shown\n```",
        ] {
            assert!(imported.lesson.contains(part), "{part} is missing in {}", imported.lesson);
        }
        assert_eq!(
            imported.report,
            [
                "`interface` of index.json means nothing here",
                "the asset `*.yaml` goes to /opt of host01; here it lies in the home directory",
                "HTML is not taken here; of `Run `kubectl get pods`{{exec}} and <b>look</b>.<br>` the words are kept",
                "`helm list` cannot run here; it is shown only",
                "`{{TRAFFIC_HOST1_80}}` means nothing here",
                "`step1/verify.sh` is a script; it runs on a copy of the cluster. Checks over objects would tell the reader what is missing",
                "`gone.md` is named by index.json and is not there, or is no text",
            ]
        );
        assert!(import(&BTreeMap::new(), &mut goes).unwrap_err().contains("index.json"));
    }
}
