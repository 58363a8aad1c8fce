//! What Tab offers behind `kubectl`: commands, flags, resources, names. Asks the server for what it cannot know and
//! changes nothing.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/util/completion (`kubectl completion bash`).

mod places;
pub mod protocol;

use serde_json::Value;

use places::{OUTPUTS, OWN_OUTPUTS, Place, VALUES, WITH_PODS, place};

use super::flags::Flag;
use super::kubeconfig::Kubeconfig;
use super::tree::{self, Found};
use crate::apimachinery::facts::facts;
use crate::shell::line_editor::Candidate;

/// Whoever answers GET requests: the path with its query, and the answer's JSON if there was one.
pub trait Server {
    /// The answer to `GET path`.
    fn get(&mut self, path: &str) -> Option<Value>;
    /// The kubeconfig.
    fn kubeconfig(&mut self) -> Option<Kubeconfig> {
        None
    }
}

/// What can stand at the end of `kubectl ARGS... WORD`; `None` where a file belongs.
pub fn complete(args: &[String], word: &str, server: &mut dyn Server) -> Option<Vec<Candidate>> {
    let found = tree::find(args).ok()?;
    let flags = found.command.all_flags();
    if args.iter().any(|arg| arg == "--") {
        return None;
    }
    if let Some((name, value)) = word.strip_prefix("--").and_then(|long| long.split_once('=')) {
        let values = values(&flags, name, value, args, server)?;
        let whole = |candidate: Candidate| Candidate { text: format!("--{name}={}", candidate.text), ..candidate };
        return Some(values.into_iter().map(whole).collect());
    }
    if let Some(flag) = args.last().and_then(|last| open_flag(&flags, last)) {
        return values(&flags, flag.name, word, args, server);
    }
    // Flags that a command cannot do without come first, and alone.
    let required = flag_names(&missing(&flags, args), if word.is_empty() { "--" } else { word }, false);
    if word.starts_with('-') {
        return Some(if required.is_empty() { flag_names(&flags, word, true) } else { required });
    }
    let arguments = positional(&found, &flags);
    if !found.command.subcommands.is_empty() && arguments.is_empty() {
        let names = found.command.subcommands.iter().map(|command| command.name).filter(|name| *name != "alpha");
        return Some(names.filter(|name| name.starts_with(word)).map(Candidate::word).collect());
    }
    let more = argument(&found.path, &arguments, word, args, &flags, server)?;
    Some(if word.is_empty() { required.into_iter().chain(more).collect() } else { more })
}

/// The flags that a command needs and a line does not have.
fn missing(flags: &[Flag], args: &[String]) -> Vec<Flag> {
    let given = |flag: &Flag| {
        let long = format!("--{}", flag.name);
        args.iter().any(|arg| *arg == long || arg.strip_prefix(&long).is_some_and(|rest| rest.starts_with('=')))
    };
    flags.iter().filter(|flag| flag.required && !given(flag)).copied().collect()
}

/// What can stand where no flag does.
fn argument(
    path: &str,
    arguments: &[String],
    word: &str,
    args: &[String],
    flags: &[Flag],
    server: &mut dyn Server,
) -> Option<Vec<Candidate>> {
    let namespace = namespace(flags, args, server);
    match place(path, arguments.len()) {
        Place::File => None,
        Place::Nothing => Some(Vec::new()),
        Place::Types => Some(types(word, server)),
        Place::Fields => Some(fields(word, server)),
        Place::Words(words) => Some(fitting(words.iter().map(|word| (*word).to_owned()), word)),
        Place::Config(list) => Some(fitting(known(list, server), word)),
        Place::Commands => Some(commands(arguments, word)),
        Place::Few(few) => match arguments.first() {
            None if word.contains('/') => Some(slashed_names(word, &namespace, server)),
            None => Some(fitting(few.iter().map(|one| (*one).to_owned()), word)),
            Some(first) => Some(names(first, word, &namespace, arguments, server)),
        },
        Place::Copy => copied(word, &namespace, server),
        Place::Names { resource, slashed } => {
            if slashed && word.contains('/') {
                return Some(slashed_names(word, &namespace, server));
            }
            let mut found = names(resource, word, &namespace, arguments, server);
            if slashed {
                found.extend(
                    WITH_PODS.iter().filter(|kind| kind.starts_with(word)).map(|kind| open(format!("{kind}/"))),
                );
            }
            Some(found)
        }
        Place::Objects => match arguments.first() {
            None if word.contains('/') => Some(slashed_names(word, &namespace, server)),
            None => Some(types(word, server)),
            Some(first) if first.contains('/') => Some(slashed_names(word, &namespace, server)),
            Some(first) => {
                let given: Vec<String> = arguments.iter().skip(1).cloned().collect();
                Some(names(first, word, &namespace, &given, server))
            }
        },
    }
}

/// The flag whose value comes next.
fn open_flag(flags: &[Flag], word: &str) -> Option<Flag> {
    let takes = |flag: &&Flag| flag.bare.is_none();
    if let Some(long) = word.strip_prefix("--") {
        return flags.iter().filter(takes).find(|flag| flag.name == long).copied();
    }
    let mut letters = word.strip_prefix('-')?.chars();
    let letter = letters.next()?;
    if letters.next().is_some() {
        return None;
    }
    flags.iter().filter(takes).find(|flag| flag.short == Some(letter)).copied()
}

fn flag_names(flags: &[Flag], word: &str, with_help: bool) -> Vec<Candidate> {
    let named = flags.iter().map(|flag| (format!("--{}", flag.name), flag.bare.is_none()));
    let help = with_help.then(|| ("--help".to_owned(), false));
    // Letters are offered behind a single dash only.
    let letters =
        flags.iter().filter_map(|flag| flag.short.filter(|_| word == "-").map(|letter| (format!("-{letter}"), false)));
    let letters = letters.chain((with_help && word == "-").then(|| ("-h".to_owned(), false)));
    let fitting = named.chain(help).filter(|(name, _)| name.starts_with(word));
    fitting
        .chain(letters)
        .map(|(name, takes)| {
            let text = if takes { format!("{name}=") } else { name };
            Candidate { shown: text.clone(), text, closed: !takes }
        })
        .collect()
}

/// The values of a flag; `None` for a file.
fn values(flags: &[Flag], name: &str, word: &str, args: &[String], server: &mut dyn Server) -> Option<Vec<Candidate>> {
    let listed = |list: &[&str]| {
        Some(list.iter().filter(|value| value.starts_with(word)).map(|value| Candidate::word(*value)).collect())
    };
    let path = tree::find(args).map(|found| found.path).unwrap_or_default();
    match name {
        "profile" if path != "kubectl debug" => Some(Vec::new()),
        "type" if path != "kubectl patch" => listed(&["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"]),
        "filename"
        | "kustomize"
        | "kubeconfig"
        | "from-file"
        | "from-env-file"
        | "patch-file"
        | "cert"
        | "key"
        | "custom"
        | "certificate-authority"
        | "client-certificate"
        | "client-key"
        | "kuberc"
        | "cache-dir" => None,
        "namespace" => Some(names("namespaces", word, "", &[], server)),
        "context" => Some(fitting(known("contexts", server), word)),
        "cluster" => Some(fitting(known("clusters", server), word)),
        "user" => Some(fitting(known("users", server), word)),
        "clusterrole" => Some(names("clusterroles", word, "", &[], server)),
        "role" => {
            let namespace = namespace(flags, args, server);
            Some(names("roles", word, &namespace, &[], server))
        }
        "from" => {
            let namespace = namespace(flags, args, server);
            Some(slashed_names(word, &namespace, server))
        }
        "output" => {
            let path = args.join(" ");
            let own = OWN_OUTPUTS.iter().find(|(command, _)| path.starts_with(command));
            listed(own.map_or(OUTPUTS, |(_, list)| list))
        }
        "for" if args.first().is_some_and(|command| command == "events") => Some(match word.contains('/') {
            true => slashed_names(word, &namespace(flags, args, server), server),
            false => types(word, server).into_iter().map(|kind| open(format!("{}/", kind.text))).collect(),
        }),
        name => match VALUES.iter().find(|(known, _)| *known == name) {
            Some((_, list)) => listed(list),
            None if name == "container" => containers(flags, word, args, server),
            None => Some(Vec::new()),
        },
    }
}

/// The names in one of the kubeconfig's lists.
fn known(list: &str, server: &mut dyn Server) -> Vec<String> {
    let config = server.kubeconfig().unwrap_or_default();
    config.entries(list).map(|(name, _)| name.clone()).collect()
}

/// The containers of the Pod that the line names.
fn containers(flags: &[Flag], word: &str, args: &[String], server: &mut dyn Server) -> Option<Vec<Candidate>> {
    let found = tree::find(args).ok()?;
    let pod = positional(&found, flags).into_iter().next()?;
    let pod = pod.rsplit('/').next().unwrap_or(&pod);
    let namespace = namespace(flags, args, server);
    let object = server.get(&format!("/api/v1/namespaces/{namespace}/pods/{pod}"))?;
    let lists = ["initContainers", "containers", "ephemeralContainers"];
    let names = lists.iter().filter_map(|list| object.pointer(&format!("/spec/{list}"))).filter_map(Value::as_array);
    let names = names.flatten().filter_map(|one| one.get("name").and_then(Value::as_str)).map(str::to_owned);
    Some(fitting(names, word))
}

fn fitting(names: impl IntoIterator<Item = String>, word: &str) -> Vec<Candidate> {
    names.into_iter().filter(|name| name.starts_with(word)).map(Candidate::word).collect()
}

/// The commands below the words behind `help`.
fn commands(arguments: &[String], word: &str) -> Vec<Candidate> {
    let Ok(found) = tree::find(arguments) else { return Vec::new() };
    let names = found.command.subcommands.iter().map(|command| command.name.to_owned());
    fitting(names.filter(|name| name != "alpha"), word)
}

/// `jobs.spec.comp` becomes `jobs.spec.completions`: fields are known from the facts about the types.
fn fields(word: &str, server: &mut dyn Server) -> Vec<Candidate> {
    let Some((start, last)) = word.rsplit_once('.') else { return types(word, server) };
    let (kind, path) = start.split_once('.').unwrap_or((start, ""));
    let lower = kind.to_lowercase();
    let Some(resource) = resources(server).into_iter().find(|resource| resource.words.contains(&lower)) else {
        return types(word, server);
    };
    let version = resource.prefix.trim_start_matches("/apis/").trim_start_matches("/api/");
    let mut known = facts().of_kind(version, &resource.kind);
    for part in path.split('.').filter(|part| !part.is_empty()) {
        let field = known.and_then(|known| known.fields.get(part));
        known = field.and_then(|field| facts().referred(&field.shape));
    }
    let names = known.into_iter().flat_map(|known| known.fields.keys()).map(|name| (*name).to_owned());
    let found = fitting(names, last);
    found
        .into_iter()
        .map(|field| Candidate { text: format!("{start}.{}", field.text), closed: false, ..field })
        .collect()
}

/// The arguments that are neither flags nor values of flags.
fn positional(found: &Found, flags: &[Flag]) -> Vec<String> {
    let mut arguments = Vec::new();
    let mut words = found.words.iter();
    while let Some(word) = words.next() {
        if open_flag(flags, word).is_some() {
            words.next();
        } else if !word.starts_with('-') || word == "-" {
            arguments.push(word.clone());
        }
    }
    arguments
}

/// The namespace that a line names, or that of the present context.
fn namespace(flags: &[Flag], args: &[String], server: &mut dyn Server) -> String {
    let config = server.kubeconfig().unwrap_or_default();
    let context = config.entry("contexts", config.current());
    let own = context.and_then(|context| context.get("namespace")).and_then(Value::as_str);
    let mut named = own.unwrap_or("default").to_owned();
    let mut words = args.iter();
    while let Some(word) = words.next() {
        if let Some(value) = word.strip_prefix("--namespace=").or_else(|| word.strip_prefix("-n=")) {
            value.clone_into(&mut named);
        } else if let Some(flag) = open_flag(flags, word)
            && let Some(value) = words.next()
            && flag.name == "namespace"
        {
            value.clone_into(&mut named);
        }
    }
    named
}

/// A resource as the server's discovery tells it.
struct Resource {
    /// The group and version's path, such as `/apis/batch/v1`.
    prefix: String,
    plural: String,
    group: String,
    namespaced: bool,
    kind: String,
    listed: bool,
    words: Vec<String>,
}

fn resources(server: &mut dyn Server) -> Vec<Resource> {
    let mut prefixes = vec![("/api/v1".to_owned(), String::new())];
    let groups = server.get("/apis").and_then(|groups| groups.get("groups").and_then(Value::as_array).cloned());
    for group in groups.unwrap_or_default() {
        let name = group.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        if let Some(version) = group.pointer("/preferredVersion/groupVersion").and_then(Value::as_str) {
            prefixes.push((format!("/apis/{version}"), name));
        }
    }
    let mut found = Vec::new();
    for (prefix, group) in prefixes {
        let list = server.get(&prefix).and_then(|list| list.get("resources").and_then(Value::as_array).cloned());
        for resource in list.unwrap_or_default() {
            let text = |field: &str| resource.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
            let list = |field: &str| {
                let values = resource.get(field).and_then(Value::as_array).cloned().unwrap_or_default();
                values.iter().filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>()
            };
            let plural = text("name");
            if plural.contains('/') {
                continue;
            }
            let mut words = list("shortNames");
            words.extend([plural.clone(), text("singularName"), text("kind").to_lowercase()]);
            if !group.is_empty() {
                words.push(format!("{plural}.{group}"));
            }
            found.push(Resource {
                prefix: prefix.clone(),
                group: group.clone(),
                namespaced: resource.get("namespaced").and_then(Value::as_bool).unwrap_or(false),
                kind: text("kind"),
                listed: list("verbs").iter().any(|verb| verb == "get"),
                plural,
                words,
            });
        }
    }
    found.sort_by(|a, b| (&a.group, &a.plural).cmp(&(&b.group, &b.plural)));
    found
}

fn types(word: &str, server: &mut dyn Server) -> Vec<Candidate> {
    if let Some((first, last)) = word.rsplit_once(',') {
        let further = types(last, server).into_iter();
        return further.map(|kind| Candidate { text: format!("{first},{}", kind.text), ..kind }).collect();
    }
    let named = resources(server).into_iter().filter(|resource| resource.listed).map(|resource| {
        if resource.group.is_empty() { resource.plural } else { format!("{}.{}", resource.plural, resource.group) }
    });
    named.filter(|name| name.starts_with(word)).map(Candidate::word).collect()
}

fn names(kind: &str, word: &str, namespace: &str, given: &[String], server: &mut dyn Server) -> Vec<Candidate> {
    let kind = kind.to_lowercase();
    let known = resources(server);
    let Some(resource) = known.iter().find(|resource| resource.words.contains(&kind)) else { return Vec::new() };
    let path = if resource.namespaced {
        format!("{}/namespaces/{namespace}/{}", resource.prefix, resource.plural)
    } else {
        format!("{}/{}", resource.prefix, resource.plural)
    };
    let items = server.get(&path).and_then(|list| list.get("items").and_then(Value::as_array).cloned());
    let items = items.unwrap_or_default();
    let names = items.iter().filter_map(|item| item.pointer("/metadata/name").and_then(Value::as_str));
    names
        .filter(|name| name.starts_with(word) && !given.iter().any(|given| given == name))
        .map(Candidate::word)
        .collect()
}

/// What is to be typed on behind.
fn open(text: String) -> Candidate {
    Candidate { shown: text.clone(), text, closed: false }
}

/// Pods, with the colon behind which their path stands, and namespaces of Pods; `None` for a file.
fn copied(word: &str, namespace: &str, server: &mut dyn Server) -> Option<Vec<Candidate>> {
    let found: Vec<Candidate> = match word.split_once('/') {
        Some((namespace, start)) => names("pods", start, namespace, &[], server)
            .into_iter()
            .map(|pod| open(format!("{namespace}/{}:", pod.text.trim_end())))
            .collect(),
        None => {
            let namespaces = names("namespaces", word, "", &[], server).into_iter().map(|one| (one, "/"));
            let mut all: Vec<(Candidate, &str)> = namespaces.collect();
            all.extend(names("pods", word, namespace, &[], server).into_iter().map(|pod| (pod, ":")));
            let here = ["./", "/"].into_iter().filter(|_| word.is_empty()).map(|path| open(path.to_owned()));
            all.into_iter().map(|(one, mark)| open(format!("{}{mark}", one.text.trim_end()))).chain(here).collect()
        }
    };
    Some(found).filter(|found| !found.is_empty())
}

/// `job/hel` becomes `job/hello-job`.
fn slashed_names(word: &str, namespace: &str, server: &mut dyn Server) -> Vec<Candidate> {
    let Some((kind, start)) = word.split_once('/') else { return Vec::new() };
    let found = names(kind, start, namespace, &[], server);
    found.into_iter().map(|name| Candidate { text: format!("{kind}/{}", name.text), ..name }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    struct Fixed;

    impl Server for Fixed {
        fn kubeconfig(&mut self) -> Option<Kubeconfig> {
            Kubeconfig::parse("contexts: [{name: kind, context: {}}, {name: other, context: {}}]").ok()
        }
        fn get(&mut self, path: &str) -> Option<Value> {
            let named = |names: &[&str]| {
                let items: Vec<Value> = names.iter().map(|name| json!({"metadata": {"name": name}})).collect();
                Some(json!({"items": items}))
            };
            let resource = |name: &str, kind: &str, short: &str, namespaced: bool| {
                json!({"name": name, "singularName": kind.to_lowercase(), "kind": kind, "shortNames": [short],
                       "namespaced": namespaced, "verbs": ["get", "list"]})
            };
            match path {
                "/api/v1" => Some(json!({"resources": [
                    resource("pods", "Pod", "po", true), resource("namespaces", "Namespace", "ns", false),
                    {"name": "pods/log", "kind": "Pod"}]})),
                "/apis" => {
                    Some(json!({"groups": [{"name": "batch", "preferredVersion": {"groupVersion": "batch/v1"}}]}))
                }
                "/apis/batch/v1" => Some(json!({"resources": [resource("jobs", "Job", "", true)]})),
                "/apis/batch/v1/namespaces/default/jobs" => named(&["hello-job", "other"]),
                "/api/v1/namespaces/test/pods" => named(&["in-test"]),
                "/api/v1/namespaces/test/pods/in-test" => {
                    Some(json!({"spec": {"containers": [{"name": "one"}, {"name": "two"}]}}))
                }
                "/api/v1/namespaces" => named(&["default", "test"]),
                _ => None,
            }
        }
    }

    #[test]
    fn a_line_is_completed_by_what_the_server_has() {
        let cases: &[(&str, Option<&[&str]>)] = &[
            ("desc", Some(&["describe"])),
            ("get jo", Some(&["jobs.batch"])),
            ("get job hel", Some(&["hello-job"])),
            ("get jobs.batch hello-job ", Some(&["other"])),
            ("describe job/h", Some(&["job/hello-job"])),
            ("get po -n test ", Some(&["in-test"])),
            ("-n test get pods ", Some(&["in-test"])),
            ("get pods -n te", Some(&["test"])),
            ("get pods --namespace=te", Some(&["--namespace=test"])),
            ("get jobs -o ya", Some(&["yaml"])),
            ("get --all-n", Some(&["--all-namespaces"])),
            ("apply --dry", Some(&["--dry-run"])),
            ("apply -f he", None),
            ("delete -f he", None),
            ("get nosuch x", Some(&[])),
            ("rollout status de", Some(&["deployment"])),
            ("rollout pause ", Some(&["deployment"])),
            ("scale st", Some(&["statefulset"])),
            ("get pods,jo", Some(&["pods,jobs.batch"])),
            ("logs -n test in", Some(&["in-test"])),
            ("logs -n test jo", Some(&["jobs/"])),
            ("cp te", Some(&["test/"])),
            ("cp test/in", Some(&["test/in-test:"])),
            ("cp -n test in", Some(&["in-test:"])),
            ("cp ./f", None),
            ("events --for job", Some(&["jobs.batch/"])),
            ("events --for jobs.batch/h", Some(&["jobs.batch/hello-job"])),
            ("completion b", Some(&["bash"])),
            ("taint no", Some(&["node"])),
            ("wait --for ", Some(&["condition=", "jsonpath=", "create", "delete"])),
            ("version -o ", Some(&["json", "yaml"])),
            ("explain jobs.spec.comp", Some(&["jobs.spec.completionMode", "jobs.spec.completions"])),
            (
                "explain jobs.spec.template.spec.hostn",
                Some(&["jobs.spec.template.spec.hostname", "jobs.spec.template.spec.hostnameOverride"]),
            ),
            ("help rollout re", Some(&["restart", "resume"])),
            ("config use-context k", Some(&["kind"])),
            ("logs in-test -n test -c ", Some(&["one", "two"])),
            ("top po", Some(&["pod"])),
        ];
        for (line, wanted) in cases {
            let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            let word = words.pop().unwrap_or_default();
            let found = complete(&words, &word, &mut Fixed)
                .map(|found| found.into_iter().map(|candidate| candidate.text).collect::<Vec<_>>());
            let wanted = wanted.map(|wanted| wanted.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
            assert_eq!(found, wanted, "{line}");
        }
    }
}
