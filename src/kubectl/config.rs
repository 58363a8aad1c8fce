//! The kubeconfig file: which server, which namespace, whose name. Reads files through `System` and sends nothing.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/client-go/tools/clientcmd.

use serde_json::{Map, Value, json};

use super::failure::Failure;
use super::flags::Flags;
use crate::shell::program::{Errno, System};
use crate::text::go_number::quote;
use crate::text::yaml::from_yaml;

/// A kubeconfig file as it stands on disk, and where.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfigFile {
    /// The path it was read from or will be written to.
    pub path: String,
    /// Its content.
    pub content: Value,
}

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
    /// The file that was read, when there is one.
    pub read_from: Option<String>,
    /// Headers that say who asks.
    pub identity: Vec<(String, String)>,
}

/// The path of the kubeconfig file, and whether it was named by a flag.
pub fn path(system: &dyn System, flags: &Flags) -> (String, bool) {
    if flags.changed("kubeconfig") && !flags.text("kubeconfig").is_empty() {
        return (flags.text("kubeconfig").to_owned(), true);
    }
    if let Some(list) = system.env("KUBECONFIG")
        && let Some(first) = list.split(':').find(|part| !part.is_empty())
    {
        return (first.to_owned(), false);
    }
    let home = system.env("HOME").unwrap_or_else(|| "/root".to_owned());
    (format!("{}/.kube/config", home.trim_end_matches('/')), false)
}

/// Reads the kubeconfig file; a missing one is empty unless a flag named it.
///
/// # Errors
/// A named file that is missing, or one that is not YAML.
pub fn read(system: &dyn System, flags: &Flags) -> Result<ConfigFile, Failure> {
    let (path, named) = path(system, flags);
    let bytes = match system.read_file(&path) {
        Ok(bytes) => bytes,
        Err(errno) if named => {
            let why = errno.message().to_lowercase();
            return Err(Failure::msg(if errno == Errno::Eisdir {
                format!("error loading config file {}: read {path}: {why}", quote(&path))
            } else {
                format!("stat {path}: {why}")
            }));
        }
        Err(_) => return Ok(ConfigFile { path, content: empty() }),
    };
    let text = String::from_utf8_lossy(&bytes);
    if text.trim().is_empty() {
        return Ok(ConfigFile { path, content: empty() });
    }
    match from_yaml(&text) {
        Ok(content) if content.get("kind").is_some_and(|kind| kind != "Config") => {
            let of = |name: &str| quote(content.get(name).and_then(Value::as_str).unwrap_or_default());
            Err(Failure::msg(format!(
                "error loading config file {}: no kind {} is registered for version {} in scheme \"k8s.io/client-go/tools/clientcmd/api/latest/latest.go:50\"",
                quote(&path),
                of("kind"),
                of("apiVersion"),
            )))
        }
        Ok(content) if content.is_object() => Ok(ConfigFile { path, content }),
        Ok(Value::Null) => Ok(ConfigFile { path, content: empty() }),
        Ok(_) => Err(Failure::msg(format!(
            "error loading config file {}: couldn't get version/kind; json parse error: json: cannot unmarshal string into Go value of type struct {{ APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }}",
            quote(&path)
        ))),
        Err(error) => {
            let error = error.to_string();
            let why = error.trim_start_matches("error converting YAML to JSON: ");
            Err(Failure::msg(format!("error loading config file {}: {why}", quote(&path))))
        }
    }
}

fn empty() -> Value {
    json!({"apiVersion": "v1", "kind": "Config", "preferences": {}, "clusters": [], "contexts": [], "users": [], "current-context": ""})
}

/// The entry of that name in one of the file's lists: `field` is what the entry holds (`cluster`, `context`, `user`).
pub fn entry<'a>(file: &'a Value, list: &str, name: &str, field: &str) -> Option<&'a Map<String, Value>> {
    let entries = file.get(list)?.as_array()?;
    let found = entries.iter().find(|entry| entry.get("name").and_then(Value::as_str) == Some(name))?;
    found.get(field)?.as_object()
}

/// The names in one of the file's lists.
pub fn names(file: &Value, list: &str) -> Vec<String> {
    let entries = file.get(list).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    entries.iter().filter_map(|entry| entry.get("name")?.as_str()).map(str::to_owned).collect()
}

/// Merges the file and the flags into what a client needs.
///
/// # Errors
/// A context, cluster or user that the file does not have.
pub fn load(system: &dyn System, flags: &Flags) -> Result<Config, Failure> {
    let ConfigFile { path, content: file } = read(system, flags)?;
    let current = file.get("current-context").and_then(Value::as_str).unwrap_or("");
    let context_name = if flags.text("context").is_empty() { current } else { flags.text("context") };
    let context = entry(&file, "contexts", context_name, "context");
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
    let cluster = entry(&file, "clusters", &cluster_name, "cluster");
    if !flags.text("cluster").is_empty() && cluster.is_none() {
        return Err(Failure::msg(format!("no server found for cluster {}", quote(&cluster_name))));
    }
    let user_name = pick("user", "user");
    let user = entry(&file, "users", &user_name, "user");
    if !flags.global("user").is_empty() && user.is_none() {
        return Err(Failure::msg(format!("auth info {} does not exist", quote(&user_name))));
    }
    confirm(system, flags, (&cluster_name, cluster), (&user_name, user))?;
    let namespace = pick("namespace", "namespace");
    let server = if flags.text("server").is_empty() {
        cluster.and_then(|cluster| cluster.get("server")).and_then(Value::as_str).unwrap_or("").to_owned()
    } else {
        flags.text("server").to_owned()
    };
    let server = if server.is_empty() { "http://localhost:8080".to_owned() } else { server };
    let server = if server.contains("://") { server } else { format!("http://{server}") };
    let (authority, prefix) = split_server(&server);
    Ok(Config {
        authority,
        prefix,
        server: server.trim_end_matches('/').to_owned(),
        namespace_forced: !flags.text("namespace").is_empty(),
        namespace: if namespace.is_empty() { "default".to_owned() } else { namespace },
        identity: identity(user, flags),
        read_from: system.read_file(&path).is_ok().then_some(path),
    })
}

/// What a field is when a flag may stand for it, and whether it is data in the file itself.
fn source<'a>(flags: &'a Flags, entry: Option<&'a Map<String, Value>>, name: &str) -> (&'a str, bool) {
    let of = |field: &str| entry.and_then(|entry| entry.get(field)).and_then(Value::as_str).unwrap_or("");
    let given = flags.global(name);
    if given.is_empty() { (of(name), !of(&format!("{name}-data")).is_empty()) } else { (given, false) }
}

/// Looks for what cannot be used: files that are not there, two ways of saying who asks.
fn confirm(
    system: &dyn System,
    flags: &Flags,
    (cluster_name, cluster): (&str, Option<&Map<String, Value>>),
    (user_name, user): (&str, Option<&Map<String, Value>>),
) -> Result<(), Failure> {
    let mut problems = Vec::new();
    let mut readable = |what: &str, path: &str, of: &str| match system.file_info(path) {
        Err(errno) if !path.is_empty() => {
            let why = errno.message().to_lowercase();
            problems.push(format!("unable to read {what} {path} for {of} due to open {path}: {why}"));
        }
        _ => {}
    };
    let (authority, data) = source(flags, cluster, "certificate-authority");
    let skips = flags.on("insecure-skip-tls-verify") && flags.text("certificate-authority").is_empty();
    if !data && !skips {
        readable("certificate-authority", authority, cluster_name);
    }
    let (certificate, has_certificate) = source(flags, user, "client-certificate");
    let (key, has_key) = source(flags, user, "client-key");
    if !certificate.is_empty() || has_certificate {
        readable("client-cert", certificate, user_name);
        readable("client-key", key, user_name);
        if key.is_empty() && !has_key {
            let why = "to use the clientCert authentication method.";
            problems.push(format!("client-key-data or client-key must be specified for {user_name} {why}"));
        }
    }
    let of_user = |field: &str| user.and_then(|user| user.get(field)).and_then(Value::as_str).unwrap_or("");
    let any = |names: &[&str]| names.iter().any(|name| !flags.global(name).is_empty() || !of_user(name).is_empty());
    if any(&["token"]) && any(&["username", "password"]) {
        let found = "found [token basicAuth], only one is allowed";
        problems.push(format!("more than one authentication method found for {user_name}; {found}"));
    }
    let more = any(&["as-uid"]) || ["as-group", "as-user-extra"].iter().any(|name| !flags.list(name).is_empty());
    if more && !any(&["as"]) {
        problems.push(format!("requesting uid, groups or user-extra for {user_name} without impersonating a user"));
    }
    problems.sort();
    match problems.as_slice() {
        [] => Ok(()),
        [one] => Err(Failure::msg(one)),
        many => Err(Failure::Plain(format!("Error in configuration: \n* {}", many.join("\n* ")))),
    }
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

/// The headers that carry who asks: a token, a certificate's subject, a user to act as.
fn identity(user: Option<&Map<String, Value>>, flags: &Flags) -> Vec<(String, String)> {
    let mut headers = Vec::new();
    let of_user = |field: &str| user.and_then(|user| user.get(field)).and_then(Value::as_str);
    let token = if flags.changed("token") { Some(flags.text("token")) } else { of_user("token") };
    // A client certificate wins over a token on a real server; a token given besides one changes nothing.
    let certificate = of_user("client-certificate-data").or(of_user("client-certificate"));
    if let Some(token) = token.filter(|_| certificate.is_none()) {
        headers.push(("Authorization".to_owned(), format!("Bearer {token}")));
    }
    let act_as = if flags.changed("as") { flags.text("as") } else { of_user("as").unwrap_or("") };
    if !act_as.is_empty() {
        headers.push(("Impersonate-User".to_owned(), act_as.to_owned()));
    }
    for group in flags.list("as-group") {
        headers.push(("Impersonate-Group".to_owned(), group));
    }
    if !flags.text("as-uid").is_empty() {
        headers.push(("Impersonate-Uid".to_owned(), flags.text("as-uid").to_owned()));
    }
    headers
}
