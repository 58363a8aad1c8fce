//! `kubectl config set-context`, `set-cluster`, `set-credentials`: make or change an entry of the kubeconfig file.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/config/set_{context,cluster,credentials}.go.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::{load, misused, show_help, sub, write};
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{Flag, Flags, array, slice, switch, text};
use crate::kubectl::print::str_at;
use crate::kubectl::program::{Context, DONE, Outcome};
use crate::kubectl::tree::Command;
use crate::shell::vfs::lexical;
use crate::text::go_number::quote;

const EMBED: Flag = switch("embed-certs", "Put the files themselves into the kubeconfig file.");

pub(super) static SET_CONTEXT: Command = Command {
    flags: &[&[
        switch("current", "Change the present context."),
        text("cluster", "", "The context's cluster."),
        text("namespace", "", "The context's namespace.").short('n'),
        text("user", "", "The context's user."),
    ]],
    ..sub(
        "set-context",
        "Make or change a context",
        "[NAME | --current] [--cluster=cluster_nickname] [--user=user_nickname] [--namespace=namespace] [options]",
        set_context,
        &[
            ("Work in another namespace", "kubectl config set-context --current --namespace=kube-system"),
            (
                "A context of its own",
                "kubectl config set-context team --cluster=kubernetes --user=kubernetes-admin --namespace=team",
            ),
        ],
    )
};
pub(super) static SET_CLUSTER: Command = Command {
    flags: &[&[
        text("certificate-authority", "", "File with the authority's certificate."),
        EMBED,
        switch("insecure-skip-tls-verify", "Do not check the server's certificate."),
        text("proxy-url", "", "A proxy to the server."),
        text("server", "", "The server's address."),
        text("tls-server-name", "", "The name to check the certificate for."),
    ]],
    ..sub(
        "set-cluster",
        "Make or change a cluster",
        "NAME [--server=server] [--certificate-authority=path/to/certificate/authority] [--insecure-skip-tls-verify=true] [--tls-server-name=example.com] [options]",
        set_cluster,
        &[
            ("Another address", "kubectl config set-cluster kubernetes --server=https://10.0.0.1:6443"),
            ("Trust whoever answers", "kubectl config set-cluster kubernetes --insecure-skip-tls-verify=true"),
        ],
    )
};
pub(super) static SET_CREDENTIALS: Command = Command {
    flags: &[&[
        text("auth-provider", "", "The provider of credentials, by name."),
        slice("auth-provider-arg", "A setting of the provider, as KEY=VALUE; KEY- removes it."),
        text("client-certificate", "", "File with the user's certificate."),
        text("client-key", "", "File with the user's key."),
        EMBED,
        text("exec-api-version", "", "The API version that the credential program speaks."),
        slice("exec-arg", "Arguments of the credential program."),
        text("exec-command", "", "A program that gives credentials."),
        array("exec-env", "A variable of the credential program, as KEY=VALUE; KEY- removes it."),
        text("exec-interactive-mode", "", "Whether the program may ask: Never, IfAvailable or Always."),
        switch("exec-provide-cluster-info", "Tell the program about the cluster."),
        text("password", "", "Password for basic authentication."),
        text("token", "", "Bearer token."),
        text("username", "", "Name for basic authentication."),
    ]],
    ..sub(
        "set-credentials",
        "Make or change a user",
        "NAME [--client-certificate=path/to/certfile] [--client-key=path/to/keyfile] [--token=bearer_token] [--username=basic_user] [--password=basic_password] [--auth-provider=provider_name] [--auth-provider-arg=key=value] [--exec-command=exec_command] [--exec-api-version=exec_api_version] [--exec-arg=arg] [--exec-env=key=value] [options]",
        set_credentials,
        &[
            ("A user with a token", "kubectl config set-credentials bot --token=abc"),
            ("A user with a password", "kubectl config set-credentials bot --username=bot --password=abc"),
            (
                "A user whose credentials come from a program",
                "kubectl config set-credentials bot --exec-command=/bin/login --exec-api-version=client.authentication.k8s.io/v1 --exec-env=COLOUR=blue",
            ),
        ],
    )
};

fn set_context(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    let current = flags.on("current");
    let given = match flags.args.as_slice() {
        [_, _, ..] => return Err(misused(cx, &flags.args)),
        [name] => name.clone(),
        [] => String::new(),
    };
    match (given.is_empty(), current) {
        (true, false) => return Err(Failure::msg("you must specify a non-empty context name or --current")),
        (false, true) => return Err(Failure::msg("you cannot specify both a context name and --current")),
        _ => {}
    }
    let mut config = load(cx)?;
    let name = if current { config.current().to_owned() } else { given };
    if name.is_empty() {
        return Err(Failure::msg("no current context is set"));
    }
    let known = config.entry("contexts", &name).cloned();
    let mut context = known.clone().unwrap_or_default();
    for flag in ["cluster", "user", "namespace"] {
        if flags.changed(flag) {
            put(&mut context, flag, flags.text(flag));
        }
    }
    config.set("contexts", &name, Some(context));
    write(cx, &config)?;
    cx.out.line(&format!("Context {} {}.", quote(&name), if known.is_some() { "modified" } else { "created" }));
    DONE
}

/// The one name of an entry.
fn named(cx: &mut Context<'_>, what: &str) -> Result<String, Failure> {
    let args = cx.session.flags.args.clone();
    match args.as_slice() {
        [name] if name.is_empty() => Err(Failure::msg(format!("you must specify a non-empty {what} name"))),
        [name] => Ok(name.clone()),
        other => Err(misused(cx, other)),
    }
}

/// Sets a field, or takes it away when there is nothing to set.
fn put(fields: &mut Map<String, Value>, name: &str, value: &str) {
    if value.is_empty() {
        fields.remove(name);
    } else {
        fields.insert(name.to_owned(), json!(value));
    }
}

/// Whether files are to be put into the kubeconfig file.
///
/// # Errors
/// No file, or one that is not there.
fn embeds(cx: &Context<'_>, flags: &Flags, files: &[&str]) -> Result<bool, Failure> {
    if !flags.on("embed-certs") {
        return Ok(false);
    }
    let given: Vec<&&str> = files.iter().filter(|flag| !flags.text(flag).is_empty()).collect();
    if given.is_empty() {
        let names: Vec<String> = files.iter().map(|flag| format!("--{flag}")).collect();
        return Err(Failure::msg(format!("you must specify a {} to embed", names.join(" or "))));
    }
    for flag in given {
        let path = flags.text(flag);
        if let Err(errno) = cx.system.file_info(path) {
            let why = errno.message().to_lowercase();
            return Err(Failure::msg(format!("could not stat {flag} file {path}: stat {path}: {why}")));
        }
    }
    Ok(true)
}

/// Sets a file's path or, when embedded, its content; each takes the place of the other.
fn put_file(cx: &Context<'_>, fields: &mut Map<String, Value>, flag: &str, path: &str, embed: bool) {
    let data = format!("{flag}-data");
    if embed {
        put(fields, &data, &STANDARD.encode(cx.system.read_file(path).unwrap_or_default()));
        fields.remove(flag);
        return;
    }
    put(fields, flag, &lexical(&cx.system.cwd(), path));
    fields.remove(&data);
}

fn set_cluster(cx: &mut Context<'_>) -> Outcome {
    let name = named(cx, "cluster")?;
    let flags = cx.session.flags.clone();
    let authority = flags.text("certificate-authority");
    if flags.on("insecure-skip-tls-verify") && !authority.is_empty() {
        return Err(Failure::msg("you cannot specify a certificate authority and insecure mode at the same time"));
    }
    let embed = embeds(cx, &flags, &["certificate-authority"])?;
    let mut config = load(cx)?;
    let mut entry = config.entry("clusters", &name).cloned().unwrap_or_default();
    let cluster = &mut entry;
    if flags.changed("server") {
        put(cluster, "server", flags.text("server"));
        cluster.remove("tls-server-name");
    }
    for flag in ["tls-server-name", "proxy-url"] {
        if flags.changed(flag) {
            put(cluster, flag, flags.text(flag));
        }
    }
    // Upstream takes this flag for given: without it the server's certificate is checked again.
    cluster.remove("insecure-skip-tls-verify");
    if flags.on("insecure-skip-tls-verify") {
        cluster.insert("insecure-skip-tls-verify".to_owned(), json!(true));
        cluster.remove("certificate-authority");
        cluster.remove("certificate-authority-data");
    }
    if flags.changed("certificate-authority") {
        put_file(cx, cluster, "certificate-authority", authority, embed);
    }
    config.set("clusters", &name, Some(entry));
    write(cx, &config)?;
    cx.out.line(&format!("Cluster {} set.", quote(&name)));
    DONE
}

/// `KEY=VALUE` and `KEY-` words: what to set and what to take away.
type Pairs = (Vec<(String, String)>, Vec<String>);

fn pairs(flags: &Flags, flag: &str) -> Result<Pairs, Failure> {
    let (mut set, mut gone, mut wrong) = (Vec::new(), Vec::new(), Vec::new());
    for word in flags.list(flag) {
        match (word.split_once('='), word.strip_suffix('-')) {
            (Some((key, value)), _) if !key.is_empty() => set.push((key.to_owned(), value.to_owned())),
            (None, Some(key)) if !key.is_empty() => gone.push(key.to_owned()),
            _ => wrong.push(word),
        }
    }
    if wrong.is_empty() {
        return Ok((set, gone));
    }
    Err(Failure::msg(format!("invalid {flag} format: {}", wrong.join(", "))))
}

/// Mistakes of the call that are found before the file is read.
fn check(flags: &Flags) -> Result<(), Failure> {
    let basic = !flags.text("username").is_empty() || !flags.text("password").is_empty();
    if basic && !flags.text("token").is_empty() {
        return Err(Failure::msg(
            "you cannot specify more than one authentication method at the same time: --token, --username/--password",
        ));
    }
    Ok(())
}

fn set_credentials(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    let [name] = flags.args.as_slice() else {
        show_help(cx);
        return Err(Failure::msg(format!("unexpected args: [{}]", flags.args.join(" "))));
    };
    let provider = pairs(&flags, "auth-provider-arg").inspect_err(|_| show_help(cx))?;
    let variables = pairs(&flags, "exec-env").inspect_err(|_| show_help(cx))?;
    let name = named(cx, "user").map(|_| name.clone())?;
    check(&flags)?;
    let embed = embeds(cx, &flags, &["client-certificate", "client-key"])?;
    let mode = flags.text("exec-interactive-mode");
    if flags.changed("exec-interactive-mode") && !["IfAvailable", "Never", "Always"].contains(&mode) {
        return Err(Failure::msg("invalid interactive mode type, can be only IfAvailable, Never, Always"));
    }
    let mut config = load(cx)?;
    let mut entry = config.entry("users", &name).cloned().unwrap_or_default();
    let user = &mut entry;
    for flag in ["client-certificate", "client-key"] {
        if flags.changed(flag) {
            put_file(cx, user, flag, flags.text(flag), embed);
        }
    }
    for flag in ["token", "username", "password"] {
        if flags.changed(flag) {
            put(user, flag, flags.text(flag));
        }
    }
    // One way to say who it is takes the place of the other.
    if !flags.text("token").is_empty() {
        user.remove("username");
        user.remove("password");
    } else if !flags.text("username").is_empty() || !flags.text("password").is_empty() {
        user.remove("token");
    }
    set_provider(user, &flags, &provider);
    set_exec(user, &flags, &variables);
    config.set("users", &name, Some(entry));
    write(cx, &config)?;
    cx.out.line(&format!("User {} set.", quote(&name)));
    DONE
}

fn set_provider(user: &mut Map<String, Value>, flags: &Flags, (set, gone): &Pairs) {
    if flags.changed("auth-provider") {
        let wanted = flags.text("auth-provider");
        if user.get("auth-provider").is_none_or(|known| str_at(known, "/name") != wanted) {
            user.insert("auth-provider".to_owned(), json!({"config": {}, "name": wanted}));
        }
    }
    let Some(provider) = user.get_mut("auth-provider").and_then(Value::as_object_mut) else { return };
    let mut config = provider.get("config").and_then(Value::as_object).cloned().unwrap_or_default();
    config.retain(|key, _| !gone.contains(key));
    config.extend(set.iter().map(|(key, value)| (key.clone(), json!(value))));
    provider.insert("config".to_owned(), Value::Object(config));
}

fn set_exec(user: &mut Map<String, Value>, flags: &Flags, (set, gone): &Pairs) {
    if flags.changed("exec-command") {
        let command = json!(flags.text("exec-command"));
        let exec = user.entry("exec").or_insert_with(|| json!({}));
        if let Some(exec) = exec.as_object_mut() {
            exec.insert("command".to_owned(), command);
            exec.remove("args");
        }
    }
    let Some(exec) = user.get_mut("exec").and_then(Value::as_object_mut) else { return };
    for (flag, field) in [("exec-api-version", "apiVersion"), ("exec-interactive-mode", "interactiveMode")] {
        if flags.changed(flag) {
            put(exec, field, flags.text(flag));
        }
    }
    if !flags.list("exec-arg").is_empty() {
        exec.insert("args".to_owned(), json!(flags.list("exec-arg")));
    }
    if flags.changed("exec-provide-cluster-info") {
        exec.remove("provideClusterInfo");
        if flags.on("exec-provide-cluster-info") {
            exec.insert("provideClusterInfo".to_owned(), json!(true));
        }
    }
    if set.is_empty() && gone.is_empty() {
        return;
    }
    let mut variables = exec.get("env").and_then(Value::as_array).cloned().unwrap_or_default();
    variables.retain(|one| !gone.iter().any(|name| str_at(one, "/name") == name));
    for (name, value) in set {
        match variables.iter_mut().find(|one| str_at(one, "/name") == name) {
            Some(known) => *known = json!({"name": name, "value": value}),
            None => variables.push(json!({"name": name, "value": value})),
        }
    }
    exec.insert("env".to_owned(), json!(variables));
}
