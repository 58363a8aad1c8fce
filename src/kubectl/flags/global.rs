//! The flags that every command takes.

use super::{Flag, array, duration, int, pairs, switch, text};

/// The flags that every command takes, in alphabetical order.
pub const GLOBAL: &[Flag] = &[
    text("as", "", "Act as this user; a service account is written system:serviceaccount:NAMESPACE:NAME."),
    array("as-group", "Act as a member of this group; may be repeated."),
    text("as-uid", "", "Act with this UID."),
    array("as-user-extra", "Extra attributes to act with, as KEY=VALUE; may be repeated."),
    text("cache-dir", "/home/learner/.kube/cache", "Where answers of the server may be kept between calls."),
    text("certificate-authority", "", "File with the authority that signed the server's certificate."),
    text("client-certificate", "", "File with a client certificate."),
    text("client-key", "", "File with a client key."),
    text("cluster", "", "The cluster of the kubeconfig file to use."),
    text("context", "", "The context of the kubeconfig file to use."),
    switch("disable-compression", "Ask the server not to compress its answers."),
    switch("insecure-skip-tls-verify", "Do not check the server's certificate."),
    text("kubeconfig", "", "The kubeconfig file to read."),
    text("kuberc", "", "The kuberc file with preferences."),
    duration("log-flush-frequency", "5s", "How often logs are flushed."),
    switch("match-server-version", "Refuse to work with a server of another version."),
    text("namespace", "", "The namespace to work in.").short('n'),
    text("password", "", "Password for basic authentication."),
    text("profile", "none", "What to profile."),
    text("profile-output", "profile.pprof", "Where to write the profile."),
    text("request-timeout", "0", "How long to wait for one request; 0 waits for ever. Units such as 1s, 2m, 3h."),
    text("server", "", "Address of the server.").short('s'),
    text("tls-server-name", "", "The name to check the server's certificate for."),
    text("token", "", "Bearer token."),
    text("user", "", "The user of the kubeconfig file to use."),
    text("username", "", "Name for basic authentication."),
    int("v", "0", "How much to log.").short('v'),
    pairs("vmodule", "How much to log, file by file."),
    switch("warnings-as-errors", "Treat warnings of the server as errors."),
];
