//! Containers: image, ports, command, state, resources, probes, environment, mounts.

use serde_json::Value;

use super::Describer;
use super::parts::{shown, timestamp};
use crate::apimachinery::quantity::Quantity;
use crate::kubectl::print::{list_at, map_at, str_at};
use crate::kubectl::request_log;
use crate::text::go_number::quote;

impl Describer<'_, '_> {
    /// A list of containers under a title. `space` is two spaces inside of a template and empty in a Pod; a Pod also
    /// gives its statuses and itself, for the values of its fields.
    pub fn containers(
        &mut self,
        title: &str,
        containers: &[Value],
        statuses: &[Value],
        pod: Option<&Value>,
        space: &str,
    ) {
        let none = if containers.is_empty() { " <none>" } else { "" };
        self.w.line(0, &format!("{space}{title}:{none}"));
        for container in containers {
            let name = str_at(container, "/name");
            let status = statuses.iter().find(|status| str_at(status, "/name") == name);
            self.basics(container, status, if space.is_empty() { "" } else { " " });
            self.command(container);
            if let Some(status) = status {
                self.state("State", status.get("state"));
                if status.pointer("/lastState/terminated").is_some() {
                    self.state("Last State", status.get("lastState"));
                }
                let ready = status.get("ready").and_then(Value::as_bool).unwrap_or(false);
                self.w.line(2, &format!("Ready:\t{}", if ready { "True" } else { "False" }));
                let restarts = status.get("restartCount").and_then(Value::as_i64).unwrap_or(0);
                self.w.line(2, &format!("Restart Count:\t{restarts}"));
            }
            self.resources(container.get("resources"), 2);
            for (field, title) in
                [("livenessProbe", "Liveness"), ("readinessProbe", "Readiness"), ("startupProbe", "Startup")]
            {
                if let Some(probe) = container.get(field) {
                    self.w.line(2, &format!("{title}:\t{}", probe_text(probe)));
                }
            }
            self.environment(container, pod);
            self.mounts(container);
        }
    }

    fn basics(&mut self, container: &Value, status: Option<&Value>, indent: &str) {
        self.w.line(1, &format!("{indent}{}:", str_at(container, "/name")));
        if let Some(status) = status {
            self.w.line(2, &format!("Container ID:\t{}", str_at(status, "/containerID")));
        }
        self.w.line(2, &format!("Image:\t{}", str_at(container, "/image")));
        if let Some(status) = status {
            self.w.line(2, &format!("Image ID:\t{}", str_at(status, "/imageID")));
        }
        for (title, field) in [("Port", "containerPort"), ("Host Port", "hostPort")] {
            let ports: Vec<String> = list_at(container, "/ports")
                .iter()
                .map(|port| {
                    let number = port.get(field).and_then(Value::as_i64).unwrap_or(0);
                    let text = format!("{number}/{}", str_at(port, "/protocol"));
                    match str_at(port, "/name") {
                        "" => text,
                        name => format!("{text} ({name})"),
                    }
                })
                .collect();
            match ports.as_slice() {
                [] => self.w.line(2, &format!("{title}:\t<none>")),
                [one] => self.w.line(2, &format!("{title}:\t{one}")),
                many => self.w.line(2, &format!("{title}s:\t{}", many.join(", "))),
            }
        }
        self.seccomp(container, 2, 3);
    }

    /// The seccomp profile of a Pod or container: its line, and one more when it stands in a file.
    pub fn seccomp(&mut self, object: &Value, level: usize, deeper: usize) {
        let Some(profile) = object.pointer("/securityContext/seccompProfile") else { return };
        self.w.line(level, &format!("SeccompProfile:\t{}", str_at(profile, "/type")));
        if str_at(profile, "/type") == "Localhost" {
            self.w.line(deeper, &format!("LocalhostProfile:\t{}", str_at(profile, "/localhostProfile")));
        }
    }

    fn command(&mut self, container: &Value) {
        for (title, path) in [("Command", "/command"), ("Args", "/args")] {
            let words = list_at(container, path);
            if words.is_empty() {
                continue;
            }
            self.w.line(2, &format!("{title}:"));
            for word in words {
                for line in shown(word).split('\n') {
                    self.w.line(3, line);
                }
            }
        }
    }

    fn state(&mut self, title: &str, state: Option<&Value>) {
        let state = state.cloned().unwrap_or_default();
        if let Some(running) = state.get("running") {
            self.w.line(2, &format!("{title}:\tRunning"));
            self.w.line(3, &format!("Started:\t{}", timestamp(str_at(running, "/startedAt"))));
        } else if let Some(ended) = state.get("terminated") {
            self.w.line(2, &format!("{title}:\tTerminated"));
            for (title, path) in [("Reason", "/reason"), ("Message", "/message")] {
                if !str_at(ended, path).is_empty() {
                    self.w.line(3, &format!("{title}:\t{}", str_at(ended, path)));
                }
            }
            let number = |name: &str| ended.get(name).and_then(Value::as_i64).unwrap_or(0);
            self.w.line(3, &format!("Exit Code:\t{}", number("exitCode")));
            if number("signal") > 0 {
                self.w.line(3, &format!("Signal:\t{}", number("signal")));
            }
            self.w.line(3, &format!("Started:\t{}", timestamp(str_at(ended, "/startedAt"))));
            self.w.line(3, &format!("Finished:\t{}", timestamp(str_at(ended, "/finishedAt"))));
        } else {
            self.w.line(2, &format!("{title}:\tWaiting"));
            let reason = str_at(&state, "/waiting/reason");
            if !reason.is_empty() {
                self.w.line(3, &format!("Reason:\t{reason}"));
            }
        }
    }

    /// Limits and requests.
    pub fn resources(&mut self, resources: Option<&Value>, level: usize) {
        let Some(resources) = resources else { return };
        for (title, path) in [("Limits", "/limits"), ("Requests", "/requests")] {
            let Some(list) = map_at(resources, path).filter(|list| !list.is_empty()) else { continue };
            self.w.line(level, &format!("{title}:"));
            for (name, quantity) in list {
                self.w.line(level + 1, &format!("{name}:\t{}", shown(quantity)));
            }
        }
    }

    fn environment(&mut self, container: &Value, pod: Option<&Value>) {
        let sources = list_at(container, "/envFrom");
        if !sources.is_empty() {
            self.w.line(2, "Environment Variables from:");
            for source in sources {
                let (kind, reference) = match source.get("configMapRef") {
                    Some(reference) => ("ConfigMap", reference),
                    None => ("Secret", source.get("secretRef").unwrap_or(&Value::Null)),
                };
                let prefix = str_at(source, "/prefix");
                let with = if prefix.is_empty() { String::new() } else { format!(" with prefix '{prefix}'") };
                self.w.line(
                    3,
                    &format!("{}\t{kind}{with}\tOptional: {}", str_at(reference, "/name"), optional(reference)),
                );
            }
        }
        let variables = list_at(container, "/env");
        self.w.line(2, if variables.is_empty() { "Environment:\t<none>" } else { "Environment:" });
        for variable in variables {
            let name = str_at(variable, "/name");
            let from = |field: &str| variable.pointer(&format!("/valueFrom/{field}"));
            if let Some(field) = from("fieldRef") {
                let value = pod.map(|pod| field_value(pod, str_at(field, "/fieldPath"))).unwrap_or_default();
                let (version, path) = (str_at(field, "/apiVersion"), str_at(field, "/fieldPath"));
                self.w.line(3, &format!("{name}:\t{value} ({version}:{path})"));
            } else if let Some(field) = from("resourceFieldRef") {
                let resource = str_at(field, "/resource");
                let value = match amount(container, resource, str_at(field, "/divisor")) {
                    None => String::new(),
                    Some(0) if matches!(resource, "limits.cpu" | "limits.memory") => "node allocatable".to_owned(),
                    Some(amount) => amount.to_string(),
                };
                self.w.line(3, &format!("{name}:\t{value} ({resource})"));
            } else if let Some(key) = from("secretKeyRef") {
                let text = format!("<set to the key '{}' in secret '{}'>", str_at(key, "/key"), str_at(key, "/name"));
                self.w.line(3, &format!("{name}:\t{text}\tOptional: {}", optional(key)));
            } else if let Some(key) = from("configMapKeyRef") {
                let text =
                    format!("<set to the key '{}' of config map '{}'>", str_at(key, "/key"), str_at(key, "/name"));
                self.w.line(3, &format!("{name}:\t{text}\tOptional: {}", optional(key)));
            } else {
                for (index, line) in str_at(variable, "/value").split('\n').enumerate() {
                    let head = if index == 0 { format!("{name}:") } else { String::new() };
                    self.w.line(3, &format!("{head}\t{line}"));
                }
            }
        }
    }

    fn mounts(&mut self, container: &Value) {
        let mut mounts: Vec<&Value> = list_at(container, "/volumeMounts").iter().collect();
        mounts.sort_by_key(|mount| str_at(mount, "/mountPath").to_owned());
        self.w.line(2, if mounts.is_empty() { "Mounts:\t<none>" } else { "Mounts:" });
        for mount in mounts {
            let read_only = mount.get("readOnly").and_then(Value::as_bool).unwrap_or(false);
            let mut how = if read_only { "ro".to_owned() } else { "rw".to_owned() };
            if !str_at(mount, "/subPath").is_empty() {
                how.push_str(&format!(",path={}", quote(str_at(mount, "/subPath"))));
            }
            self.w.line(3, &format!("{} from {} ({how})", str_at(mount, "/mountPath"), str_at(mount, "/name")));
        }
        let devices = list_at(container, "/volumeDevices");
        if !devices.is_empty() {
            // Upstream says of the mounts that there are none once more.
            self.w
                .line(2, if list_at(container, "/volumeMounts").is_empty() { "Devices:\t<none>" } else { "Devices:" });
            for device in devices {
                self.w.line(3, &format!("{} from {}", str_at(device, "/devicePath"), str_at(device, "/name")));
            }
        }
    }
}

fn optional(reference: &Value) -> bool {
    reference.get("optional").and_then(Value::as_bool).unwrap_or(false)
}

/// The value of a field path, for the few paths that kubectl can resolve by itself: the others stay empty.
fn field_value(pod: &Value, path: &str) -> String {
    match path {
        "metadata.name" | "metadata.namespace" => {
            pod.pointer(&format!("/{}", path.replace('.', "/"))).map(shown).unwrap_or_default()
        }
        _ => String::new(),
    }
}

/// A request or limit of a container in units of the divisor, rounded up; nothing for a resource that upstream does
/// not know.
fn amount(container: &Value, resource: &str, divisor: &str) -> Option<i64> {
    let (list, name) = resource.split_once('.')?;
    if !matches!(name, "cpu" | "memory" | "ephemeral-storage") && !name.starts_with("hugepages-") {
        return None;
    }
    let parsed = |text: &str| Quantity::parse(text).ok().filter(|amount| !amount.is_zero());
    let amount = container
        .pointer(&format!("/resources/{list}"))
        .and_then(|list| list.get(name))
        .and_then(Value::as_str)
        .and_then(parsed);
    let amount = amount.map_or(0, |amount| amount.milli_value());
    let divisor = parsed(divisor).map_or(1000, |divisor| divisor.milli_value()).max(1);
    Some(amount.saturating_add(divisor - 1) / divisor)
}

fn probe_text(probe: &Value) -> String {
    let number = |name: &str| probe.get(name).and_then(Value::as_i64).unwrap_or(0);
    let attributes = format!(
        "delay={}s timeout={}s period={}s #success={} #failure={}",
        number("initialDelaySeconds"),
        number("timeoutSeconds"),
        number("periodSeconds"),
        number("successThreshold"),
        number("failureThreshold")
    );
    if let Some(exec) = probe.get("exec") {
        return format!("exec {} {attributes}", shown(exec.get("command").unwrap_or(&Value::Array(Vec::new()))));
    }
    let port = |action: &Value| action.get("port").map(shown).unwrap_or_default();
    if let Some(get) = probe.get("httpGet") {
        let scheme = str_at(get, "/scheme").to_lowercase();
        let host = match str_at(get, "/host") {
            address if address.contains(':') => format!("[{address}]"),
            name => name.to_owned(),
        };
        let path = request_log::escaped(str_at(get, "/path"), false);
        let slash = if path.is_empty() || path.starts_with('/') { "" } else { "/" };
        return format!("http-get {scheme}://{host}:{}{slash}{path} {attributes}", port(get));
    }
    if let Some(socket) = probe.get("tcpSocket") {
        return format!("tcp-socket {}:{} {attributes}", str_at(socket, "/host"), port(socket));
    }
    if let Some(grpc) = probe.get("grpc") {
        return format!("grpc <pod>:{} {} {attributes}", port(grpc), str_at(grpc, "/service"));
    }
    format!("unknown {attributes}")
}
