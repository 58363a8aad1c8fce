//! What a command needs from the kubeconfig: which server, which namespace, whose name. Sends nothing.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/client-go/tools/clientcmd.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::failure::{Failure, path_error};
use super::flags::Flags;
use super::kubeconfig::{self, Files, Loaded};
use crate::shell::program::System;
use crate::text::go_number::quote;

/// Where a command sends its requests, and as whom.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// The server's address as it is shown, such as `https://172.30.1.2:6443`.
    pub server: String,
    /// `host:port`.
    pub authority: String,
    /// What stands between the authority and `/api`; usually empty.
    pub prefix: String,
    /// The namespace to work in.
    pub namespace: String,
    /// Whether the namespace was asked for on the command line.
    pub namespace_forced: bool,
    /// The files that were read.
    pub read_from: Vec<String>,
    /// The files that the environment names, when none of them is there.
    pub missing: Vec<String>,
    /// Headers that say who asks.
    pub identity: Vec<(String, String)>,
}

/// Merges the files and the flags into what a client needs.
///
/// # Errors
/// A context, cluster or user that the files do not have.
pub fn load(system: &dyn System, flags: &Flags) -> Result<Config, Failure> {
    let Loaded { config: mut file, read, missing } = Files::of(system, flags).load(system)?;
    for list in ["clusters", "users"] {
        for entry in file.entries_mut(list) {
            let base = kubeconfig::base(system, kubeconfig::text(entry, kubeconfig::schema::ORIGIN));
            kubeconfig::resolve(entry, &base);
        }
    }
    let context_name = if flags.text("context").is_empty() { file.current() } else { flags.text("context") };
    let context = file.entry("contexts", context_name);
    if context.is_none() && !context_name.is_empty() {
        let why = format!("context was not found for specified context: {context_name}");
        return Err(Failure::Plain(format!("Error in configuration: {why}")));
    }
    let of_context = |field: &str| context.and_then(|context| context.get(field)).and_then(Value::as_str).unwrap_or("");
    let pick = |flag: &str, field: &str| {
        let given = flags.global(flag);
        if given.is_empty() { of_context(field).to_owned() } else { given.to_owned() }
    };
    let cluster_name = pick("cluster", "cluster");
    let cluster = file.entry("clusters", &cluster_name);
    if !flags.text("cluster").is_empty() && cluster.is_none() {
        return Err(Failure::msg(format!("no server found for cluster {}", quote(&cluster_name))));
    }
    let user_name = pick("user", "user");
    let user = file.entry("users", &user_name);
    if !flags.global("user").is_empty() && user.is_none() {
        return Err(Failure::msg(format!("auth info {} does not exist", quote(&user_name))));
    }
    confirm(system, flags, (cluster_name.as_str(), cluster), (user_name.as_str(), user))?;
    let namespace = pick("namespace", "namespace");
    let server = if flags.text("server").is_empty() {
        cluster.and_then(|cluster| cluster.get("server")).and_then(Value::as_str).unwrap_or("").to_owned()
    } else {
        flags.text("server").to_owned()
    };
    let server = if server.is_empty() { "http://localhost:8080".to_owned() } else { server };
    let server = if server.contains("://") { server } else { format!("http://{server}") };
    if server.contains(' ') {
        return Err(Failure::msg(format!("host must be a URL or a host:port pair: {}", quote(&server))));
    }
    let (authority, prefix) = split_server(&server);
    Ok(Config {
        authority,
        prefix,
        server: server.trim_end_matches('/').to_owned(),
        namespace_forced: !flags.text("namespace").is_empty(),
        namespace: if namespace.is_empty() { "default".to_owned() } else { namespace },
        identity: identity(system, user, flags),
        read_from: read,
        missing,
    })
}

/// A field of an entry, or the flag that stands for it.
fn given<'a>(flags: &'a Flags, entry: Option<&'a Map<String, Value>>, name: &str) -> &'a str {
    match flags.global(name) {
        "" => entry.map_or("", |entry| kubeconfig::text(entry, name)),
        flag => flag,
    }
}

/// The data that stands in an entry itself, unless a flag names a file.
fn data<'a>(flags: &Flags, entry: Option<&'a Map<String, Value>>, name: &str) -> &'a str {
    let entry = entry.filter(|_| flags.global(name).is_empty());
    entry.map_or("", |entry| kubeconfig::text(entry, &format!("{name}-data")))
}

/// What is wrong with a file that is named, if anything is.
fn unreadable(system: &dyn System, what: &str, path: &str, of: &str) -> Option<String> {
    let errno = system.file_info(path).err().filter(|_| !path.is_empty())?;
    Some(format!("unable to read {what} {path} for {of} due to {}", path_error("open", path, errno)))
}

/// An entry, by its name.
type Named<'a> = (&'a str, Option<&'a Map<String, Value>>);

/// Looks for what cannot be used: files that are not there, two ways of saying who asks.
fn confirm(system: &dyn System, flags: &Flags, cluster: Named<'_>, user: Named<'_>) -> Result<(), Failure> {
    let mut problems = wrong_user(system, flags, user);
    problems.extend(wrong_cluster(system, flags, cluster));
    match problems.as_slice() {
        [] => Ok(()),
        [one] => Err(Failure::msg(one)),
        many => Err(Failure::Plain(format!("Error in configuration: \n* {}", many.join("\n* ")))),
    }
}

fn wrong_cluster(system: &dyn System, flags: &Flags, (name, cluster): Named<'_>) -> Vec<String> {
    let mut problems = Vec::new();
    let server = given(flags, cluster, "server");
    if server.is_empty() && cluster.is_some_and(|cluster| cluster.keys().any(|key| key != kubeconfig::schema::ORIGIN)) {
        problems.push(match name {
            "" => "default cluster has no server defined".to_owned(),
            name => format!("no server found for cluster {}", quote(name)),
        });
    }
    let proxy = cluster.map_or("", |cluster| kubeconfig::text(cluster, "proxy-url"));
    if !proxy.is_empty() && !["http", "https", "socks5"].iter().any(|scheme| proxy.starts_with(&format!("{scheme}://")))
    {
        let scheme = proxy.split_once("://").map_or("", |(scheme, _)| scheme);
        problems.push(format!(
            "invalid 'proxy-url' {} for cluster {}: unsupported scheme {}, must be http, https, or socks5",
            quote(proxy),
            quote(name),
            quote(scheme)
        ));
    }
    // A flag that says not to look makes the file's authority void, and one that names another takes its place.
    let skips = flags.on("insecure-skip-tls-verify");
    let cluster = cluster.filter(|_| !skips);
    let authority = given(flags, cluster, "certificate-authority");
    if !authority.is_empty() && !data(flags, cluster, "certificate-authority").is_empty() {
        problems.push(format!("certificate-authority-data and certificate-authority are both specified for {name}. certificate-authority-data will override."));
    }
    problems.extend(unreadable(system, "certificate-authority", authority, name));
    problems
}

fn wrong_user(system: &dyn System, flags: &Flags, (name, user): Named<'_>) -> Vec<String> {
    let mut problems = Vec::new();
    let of = |field: &str| given(flags, user, field);
    let (certificate, key) = (of("client-certificate"), of("client-key"));
    let (certificate_data, key_data) = (data(flags, user, "client-certificate"), data(flags, user, "client-key"));
    if !certificate.is_empty() || !certificate_data.is_empty() {
        if !certificate.is_empty() && !certificate_data.is_empty() {
            problems.push(format!(
                "client-cert-data and client-cert are both specified for {name}. client-cert-data will override."
            ));
        }
        match (key.is_empty(), key_data.is_empty()) {
            (false, false) => problems.push(format!("client-key-data and client-key are both specified for {name}; client-key-data will override")),
            (true, true) => problems.push(format!("client-key-data or client-key must be specified for {name} to use the clientCert authentication method.")),
            _ => {}
        }
        problems.extend(unreadable(system, "client-cert", certificate, name));
        problems.extend(unreadable(system, "client-key", key, name));
    }
    if let Some(exec) = user.and_then(|user| user.get("exec")).and_then(Value::as_object) {
        let provider = user.is_some_and(|user| user.contains_key("auth-provider"));
        problems.extend(wrong_exec(name, exec, provider));
    }
    let any = |names: &[&str]| names.iter().any(|name| !of(name).is_empty());
    if any(&["token"]) && any(&["username", "password"]) {
        let found = "found [token basicAuth], only one is allowed";
        problems.push(format!("more than one authentication method found for {name}; {found}"));
    }
    let listed =
        |flag: &str, field: &str| !flags.list(flag).is_empty() || user.is_some_and(|user| user.contains_key(field));
    let more = any(&["as-uid"]) || listed("as-group", "as-groups") || listed("as-user-extra", "as-user-extra");
    if more && !any(&["as"]) {
        problems.push(format!("requesting uid, groups or user-extra for {name} without impersonating a user"));
    }
    problems
}

/// What is wrong with a program that gives credentials.
fn wrong_exec(name: &str, exec: &Map<String, Value>, provider: bool) -> Vec<String> {
    let plugin = "to use exec authentication plugin";
    let mut problems = Vec::new();
    if provider {
        problems.push(format!("authProvider cannot be provided in combination with an exec plugin for {name}"));
    }
    for (field, what) in [("command", "command"), ("apiVersion", "apiVersion")] {
        if kubeconfig::text(exec, field).is_empty() {
            problems.push(format!("{what} must be specified for {name} {plugin}"));
        }
    }
    let variables = exec.get("env").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for _ in variables.iter().filter(|one| one.get("name").and_then(Value::as_str).unwrap_or_default().is_empty()) {
        problems.push(format!("env variable name must be specified for {name} {plugin}"));
    }
    match kubeconfig::text(exec, "interactiveMode") {
        "" => problems.push(format!("interactiveMode must be specified for {name} {plugin}")),
        "Never" | "IfAvailable" | "Always" => {}
        other => problems.push(format!("invalid interactiveMode for {name}: {}", quote(other))),
    }
    problems
}

fn split_server(server: &str) -> (String, String) {
    let (scheme, rest) = server.split_once("://").unwrap_or(("http", server));
    let (host, prefix) = match rest.split_once('/') {
        Some((host, path)) => (host, format!("/{}", path.trim_matches('/'))),
        None => (rest, String::new()),
    };
    let authority = if host.rsplit(':').next().is_some_and(|port| port.parse::<u16>().is_ok()) && host.contains(':') {
        host.to_owned()
    } else {
        format!("{host}:{}", if scheme == "https" { 443 } else { 80 })
    };
    (authority, if prefix == "/" { String::new() } else { prefix })
}

/// The headers that carry who asks: a token, a name and a password, a certificate's subject, a user to act as.
fn identity(system: &dyn System, user: Option<&Map<String, Value>>, flags: &Flags) -> Vec<(String, String)> {
    let mut headers = Vec::new();
    let mut say = |name: &str, value: String| headers.push((name.to_owned(), value));
    let of = |field: &str| given(flags, user, field);
    // A client certificate wins over a token on a real server; a token given besides one changes nothing.
    let certified = !of("client-certificate").is_empty() || !data(flags, user, "client-certificate").is_empty();
    let file = user.map_or("", |user| kubeconfig::text(user, "tokenFile"));
    let token = match of("token") {
        "" if !file.is_empty() => {
            String::from_utf8_lossy(&system.read_file(file).unwrap_or_default()).trim().to_owned()
        }
        token => token.to_owned(),
    };
    if !certified && !token.is_empty() {
        say("Authorization", format!("Bearer {token}"));
    } else if !certified && !of("username").is_empty() {
        say("Authorization", format!("Basic {}", STANDARD.encode(format!("{}:{}", of("username"), of("password")))));
    }
    let names = |flag: &str, field: &str| {
        let flagged = flags.list(flag);
        let known = user.and_then(|user| user.get(field)).and_then(Value::as_array).filter(|_| flagged.is_empty());
        let known = known.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
        flagged.into_iter().chain(known).collect::<Vec<_>>()
    };
    if !of("as").is_empty() {
        say("Impersonate-User", of("as").to_owned());
    }
    for group in names("as-group", "as-groups") {
        say("Impersonate-Group", group);
    }
    if !of("as-uid").is_empty() {
        say("Impersonate-Uid", of("as-uid").to_owned());
    }
    for extra in flags.list("as-user-extra") {
        if let Some((key, value)) = extra.split_once('=') {
            say(&extra_header(key), value.to_owned());
        }
    }
    let extras = user.and_then(|user| user.get("as-user-extra")).and_then(Value::as_object);
    for (key, values) in extras.filter(|_| flags.list("as-user-extra").is_empty()).into_iter().flatten() {
        for value in values.as_array().into_iter().flatten().filter_map(Value::as_str) {
            say(&extra_header(key), value.to_owned());
        }
    }
    headers
}

/// The header that carries an attribute of the user to act as.
fn extra_header(key: &str) -> String {
    format!("Impersonate-Extra-{}", key.replace('/', "%2F"))
}
