//! Probes and lifecycle hooks.
//!
//! Models Kubernetes 1.36 pkg/apis/core/validation/validation.go (`validateHandler`, `validateProbe`,
//! `validateLifecycle`).

use k8s_openapi::api::core::v1::{
    Container, ExecAction, GRPCAction, HTTPGetAction, Lifecycle, LifecycleHandler, PodSpec, Probe, SleepAction,
    TCPSocketAction,
};

use crate::api::validate::{self, Errors, required, supported};
use crate::apimachinery::content;
use crate::apimachinery::field::{Error, Path};

/// The signals that containers of Linux may be stopped with.
const LINUX_SIGNALS: &str = "\
    SIGABRT SIGALRM SIGBUS SIGCHLD SIGCLD SIGCONT SIGFPE SIGHUP SIGILL SIGINT SIGIO SIGIOT SIGKILL \
    SIGPIPE SIGPOLL SIGPROF SIGPWR SIGQUIT SIGRTMAX SIGRTMAX-1 SIGRTMAX-10 SIGRTMAX-11 SIGRTMAX-12 \
    SIGRTMAX-13 SIGRTMAX-14 SIGRTMAX-2 SIGRTMAX-3 SIGRTMAX-4 SIGRTMAX-5 SIGRTMAX-6 SIGRTMAX-7 \
    SIGRTMAX-8 SIGRTMAX-9 SIGRTMIN SIGRTMIN+1 SIGRTMIN+10 SIGRTMIN+11 SIGRTMIN+12 SIGRTMIN+13 \
    SIGRTMIN+14 SIGRTMIN+15 SIGRTMIN+2 SIGRTMIN+3 SIGRTMIN+4 SIGRTMIN+5 SIGRTMIN+6 SIGRTMIN+7 \
    SIGRTMIN+8 SIGRTMIN+9 SIGSEGV SIGSTKFLT SIGSTOP SIGSYS SIGTERM SIGTRAP SIGTSTP SIGTTIN SIGTTOU \
    SIGURG SIGUSR1 SIGUSR2 SIGVTALRM SIGWINCH SIGXCPU SIGXFSZ";

/// What a probe or a hook does.
struct Handler<'a> {
    exec: Option<&'a ExecAction>,
    http_get: Option<&'a HTTPGetAction>,
    tcp_socket: Option<&'a TCPSocketAction>,
    grpc: Option<&'a GRPCAction>,
    sleep: Option<&'a SleepAction>,
}

/// `validateLifecycle`
pub fn lifecycle(errors: &mut Errors, path: &Path, lifecycle: Option<&Lifecycle>, pod: &PodSpec) {
    let Some(lifecycle) = lifecycle else { return };
    let hook = |given: &LifecycleHandler, path: &Path, errors: &mut Errors| {
        let handler = Handler {
            exec: given.exec.as_ref(),
            http_get: given.http_get.as_ref(),
            tcp_socket: given.tcp_socket.as_ref(),
            grpc: None,
            sleep: given.sleep.as_ref(),
        };
        check(errors, path, &handler, pod);
    };
    if let Some(given) = &lifecycle.post_start {
        hook(given, &path.child("postStart"), errors);
    }
    if let Some(given) = &lifecycle.pre_stop {
        hook(given, &path.child("preStop"), errors);
    }
    let Some(signal) = lifecycle.stop_signal.as_deref() else { return };
    let at = path.child("stopSignal");
    match pod.os.as_ref().map(|os| os.name.as_str()) {
        None => errors.push(Error::forbidden(&at, "may not be set for containers with empty `spec.os.name`")),
        Some("windows") => supported(errors, &at, Some(signal), &["SIGKILL", "SIGTERM"]),
        Some("linux") => {
            let known: Vec<&str> = LINUX_SIGNALS.split(' ').collect();
            supported(errors, &at, Some(signal), &known);
        }
        Some(_) => {}
    }
}

/// The three probes of a container.
pub fn probes(errors: &mut Errors, path: &Path, container: &Container, pod: &PodSpec) {
    let once = |errors: &mut Errors, path: &Path, probe: &Probe| {
        if let Some(count) = probe.success_threshold.filter(|count| *count != 1) {
            errors.push(Error::invalid(&path.child("successThreshold"), count, "must be 1"));
        }
    };
    if let Some(liveness) = &container.liveness_probe {
        let path = path.child("livenessProbe");
        probe(errors, &path, liveness, pod);
        once(errors, &path, liveness);
    }
    if let Some(readiness) = &container.readiness_probe {
        let path = path.child("readinessProbe");
        probe(errors, &path, readiness, pod);
        if let Some(seconds) = readiness.termination_grace_period_seconds {
            let path = path.child("terminationGracePeriodSeconds");
            errors.push(Error::invalid(&path, seconds, "must not be set for readinessProbes"));
        }
    }
    if let Some(startup) = &container.startup_probe {
        let path = path.child("startupProbe");
        probe(errors, &path, startup, pod);
        once(errors, &path, startup);
    }
}

/// `validateProbe`
fn probe(errors: &mut Errors, path: &Path, probe: &Probe, pod: &PodSpec) {
    let handler = Handler {
        exec: probe.exec.as_ref(),
        http_get: probe.http_get.as_ref(),
        tcp_socket: probe.tcp_socket.as_ref(),
        grpc: probe.grpc.as_ref(),
        sleep: None,
    };
    check(errors, path, &handler, pod);
    for (field, number) in [
        ("initialDelaySeconds", probe.initial_delay_seconds),
        ("timeoutSeconds", probe.timeout_seconds),
        ("periodSeconds", probe.period_seconds),
        ("successThreshold", probe.success_threshold),
        ("failureThreshold", probe.failure_threshold),
    ] {
        validate::nonnegative_if_set(errors, &path.child(field), number);
    }
    if let Some(seconds) = probe.termination_grace_period_seconds.filter(|seconds| *seconds <= 0) {
        errors.push(Error::invalid(&path.child("terminationGracePeriodSeconds"), seconds, "must be greater than 0"));
    }
}

/// `validateHandler`: one thing to do, and only one.
fn check(errors: &mut Errors, path: &Path, handler: &Handler<'_>, pod: &PodSpec) {
    let mut given = 0;
    let mut first = |errors: &mut Errors, path: &Path| {
        given += 1;
        if given > 1 {
            errors.push(Error::forbidden(path, "may not specify more than 1 handler type"));
        }
        given == 1
    };
    if let Some(action) = handler.exec {
        let path = path.child("exec");
        if first(errors, &path) && action.command.iter().flatten().next().is_none() {
            errors.push(Error::required(&path.child("command"), ""));
        }
    }
    if let Some(action) = handler.http_get {
        let path = path.child("httpGet");
        if first(errors, &path) {
            required(errors, &path.child("path"), action.path.as_deref().unwrap_or_default());
            validate::port(errors, &path.child("port"), &action.port);
            supported(errors, &path.child("scheme"), action.scheme.as_deref(), &["HTTP", "HTTPS"]);
            for header in action.http_headers.iter().flatten() {
                let at = path.child("httpHeaders");
                validate::each(errors, &at, &header.name, content::http_header(&header.name));
            }
        }
    }
    if let Some(action) = handler.tcp_socket {
        let path = path.child("tcpSocket");
        if first(errors, &path) {
            validate::port(errors, &path.child("port"), &action.port);
        }
    }
    if let Some(action) = handler.grpc {
        let path = path.child("grpc");
        if first(errors, &path) {
            validate::port_number(errors, &path.child("port"), action.port);
        }
    }
    if let Some(action) = handler.sleep {
        let (path, seconds) = (path.child("sleep"), action.seconds);
        // A period that is missing is reported elsewhere.
        let grace = pod.termination_grace_period_seconds.unwrap_or(i64::MAX);
        if first(errors, &path) && !(0..=grace).contains(&seconds) {
            let why = format!("must be non-negative and less than terminationGracePeriodSeconds ({grace})");
            errors.push(Error::invalid(&path, seconds, why));
        }
    }
    if given == 0 {
        errors.push(Error::required(path, "must specify a handler type"));
    }
}
