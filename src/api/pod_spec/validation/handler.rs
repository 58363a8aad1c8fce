//! Probes and lifecycle hooks.

use k8s_openapi::api::core::v1::{
    Container, ExecAction, GRPCAction, HTTPGetAction, Lifecycle, LifecycleHandler, Probe, SleepAction, TCPSocketAction,
};

use super::choice;
use crate::api::validate::{self, Errors};
use crate::apimachinery::field::{Error, Path};

/// What a probe or a hook does.
struct Handler<'a> {
    exec: Option<&'a ExecAction>,
    http_get: Option<&'a HTTPGetAction>,
    tcp_socket: Option<&'a TCPSocketAction>,
    grpc: Option<&'a GRPCAction>,
    sleep: Option<&'a SleepAction>,
}

/// `validateLifecycle`
pub fn lifecycle(errors: &mut Errors, path: &Path, lifecycle: Option<&Lifecycle>) {
    let Some(lifecycle) = lifecycle else { return };
    let hook = |given: &LifecycleHandler, path: &Path, errors: &mut Errors| {
        let handler = Handler {
            exec: given.exec.as_ref(),
            http_get: given.http_get.as_ref(),
            tcp_socket: given.tcp_socket.as_ref(),
            grpc: None,
            sleep: given.sleep.as_ref(),
        };
        check(errors, path, &handler);
    };
    if let Some(given) = &lifecycle.post_start {
        hook(given, &path.child("postStart"), errors);
    }
    if let Some(given) = &lifecycle.pre_stop {
        hook(given, &path.child("preStop"), errors);
    }
}

/// The three probes of a container.
pub fn probes(errors: &mut Errors, path: &Path, container: &Container) {
    let once = |errors: &mut Errors, path: &Path, probe: &Probe| {
        if let Some(count) = probe.success_threshold.filter(|count| *count != 1) {
            errors.push(Error::invalid(&path.child("successThreshold"), count, "must be 1"));
        }
    };
    if let Some(liveness) = &container.liveness_probe {
        let path = path.child("livenessProbe");
        probe(errors, &path, liveness);
        once(errors, &path, liveness);
    }
    if let Some(readiness) = &container.readiness_probe {
        let path = path.child("readinessProbe");
        probe(errors, &path, readiness);
        if let Some(seconds) = readiness.termination_grace_period_seconds {
            let path = path.child("terminationGracePeriodSeconds");
            errors.push(Error::invalid(&path, seconds, "must not be set for readinessProbes"));
        }
    }
    if let Some(startup) = &container.startup_probe {
        let path = path.child("startupProbe");
        probe(errors, &path, startup);
        once(errors, &path, startup);
    }
}

/// `validateProbe`
fn probe(errors: &mut Errors, path: &Path, probe: &Probe) {
    let handler = Handler {
        exec: probe.exec.as_ref(),
        http_get: probe.http_get.as_ref(),
        tcp_socket: probe.tcp_socket.as_ref(),
        grpc: probe.grpc.as_ref(),
        sleep: None,
    };
    check(errors, path, &handler);
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
fn check(errors: &mut Errors, path: &Path, handler: &Handler) {
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
            if action.path.as_deref().unwrap_or_default().is_empty() {
                errors.push(Error::required(&path.child("path"), ""));
            }
            validate::port(errors, &path.child("port"), &action.port);
            choice(errors, &path.child("scheme"), action.scheme.as_deref(), &["HTTP", "HTTPS"]);
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
        let path = path.child("sleep");
        if first(errors, &path) && action.seconds < 0 {
            let why = "must be greater than or equal to 0";
            errors.push(Error::invalid(&path.child("seconds"), action.seconds, why));
        }
    }
    if given == 0 {
        errors.push(Error::required(path, "must specify a handler type"));
    }
}
