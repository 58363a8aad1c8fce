//! Machines behind the learner's: `ssh` to a node of the cluster, and `systemctl` there for its kubelet. A session is a
//! shell of this machine that stands for one on the node; its files are the learner's own.
//!
//! Models OpenSSH's and systemd's words.

use std::time::Duration;

use crate::shell::program::{Pid, Program, ServiceAction, ServiceState, Step, System, Wait};
use crate::text::duration::human_duration;

/// The variable that says on which node a session is.
const NODE: &str = "SSH_NODE";

#[derive(Clone, Debug)]
struct Ssh {
    argv: Vec<String>,
    /// The host, and the shell that runs there.
    session: Option<(String, Pid)>,
    interactive: bool,
}

/// Makes `ssh [user@]host [command...]`.
pub fn ssh(argv: &[String]) -> Box<dyn Program> {
    Box::new(Ssh { argv: argv.to_vec(), session: None, interactive: false })
}

impl Ssh {
    /// Begins a session; the exit code when there is none.
    fn begin(&mut self, system: &mut dyn System) -> Result<(), i32> {
        let mut words = self.argv.iter().skip(1).peekable();
        while let Some(option) = words.next_if(|word| word.starts_with('-')) {
            if matches!(option.as_str(), "-o" | "-p" | "-i" | "-l" | "-F") {
                words.next();
            }
        }
        let Some(target) = words.next().cloned() else {
            let _ = system.write(
                2,
                b"usage: ssh [-46AaCfGgKkMNnqsTtVvXxYy] [-l login_name] destination [command [argument ...]]\n",
            );
            return Err(255);
        };
        let command: Vec<String> = words.cloned().collect();
        let name = target.rsplit('@').next().unwrap_or_default().to_owned();
        let node = match system.host().machine(&name) {
            None => {
                let text = format!("ssh: Could not resolve hostname {name}: Name or service not known\n");
                let _ = system.write(2, text.as_bytes());
                return Err(255);
            }
            Some((_, false)) => {
                let _ = system.write(2, format!("ssh: connect to host {name} port 22: No route to host\n").as_bytes());
                return Err(255);
            }
            Some((node, true)) => node,
        };
        self.interactive = command.is_empty();
        let prompt = format!("root@{node}:~# ");
        let mut argv: Vec<String> =
            ["env".to_owned(), format!("{NODE}={node}"), "USER=root".to_owned(), format!("PS1={prompt}")].into();
        if self.interactive {
            argv.extend(["bash", "--norc"].map(str::to_owned));
        } else {
            argv.extend(["sh".to_owned(), "-c".to_owned(), command.join(" ")]);
        }
        match system.spawn(&argv) {
            Ok(pid) => {
                self.session = Some((name, pid));
                Ok(())
            }
            Err(errno) => {
                let _ = system.write(2, format!("ssh: {}\n", errno.message()).as_bytes());
                Err(255)
            }
        }
    }
}

impl Program for Ssh {
    fn resume(&mut self, system: &mut dyn System) -> Step {
        if self.session.is_none()
            && let Err(code) = self.begin(system)
        {
            return Step::Exit(code);
        }
        let Some((name, pid)) = &self.session else { return Step::Exit(255) };
        match system.exit_code(*pid) {
            None => Step::Wait(Wait { child: Some(*pid), ..Wait::default() }),
            Some(code) => {
                if self.interactive && system.is_terminal(0) {
                    let _ = system.write(2, format!("Connection to {name} closed.\n").as_bytes());
                }
                Step::Exit(code)
            }
        }
    }

    fn clone_box(&self) -> Box<dyn Program> {
        Box::new(self.clone())
    }
}

#[derive(Clone, Debug)]
struct Systemctl {
    argv: Vec<String>,
}

/// Makes `systemctl status|start|stop|restart|is-active unit`.
pub fn systemctl(argv: &[String]) -> Box<dyn Program> {
    Box::new(Systemctl { argv: argv.to_vec() })
}

/// What `systemctl status kubelet` prints.
fn status(state: &ServiceState, now: crate::sim::Time) -> String {
    let ago = |since: Duration| match since.as_secs() {
        secs @ 0..60 => format!("{secs}s"),
        secs @ 60..3600 => format!("{}min {}s", secs / 60, secs % 60),
        _ => human_duration(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)),
    };
    let since = jiff::fmt::strtime::format("%a %Y-%m-%d %H:%M:%S UTC", state.since.timestamp()).unwrap_or_default();
    let since = format!("since {since}; {} ago", ago(now.since(state.since)));
    let head = if state.active { "●" } else { "○" };
    let mut text = format!(
        "{head} kubelet.service - kubelet: The Kubernetes Node Agent
     Loaded: loaded (/usr/lib/systemd/system/kubelet.service; enabled; preset: enabled)
    Drop-In: /usr/lib/systemd/system/kubelet.service.d
             └─10-kubeadm.conf
     Active: {} {since}
       Docs: https://kubernetes.io/docs/
",
        if state.active { "active (running)" } else { "inactive (dead)" }
    );
    text.push_str(if state.active {
        "   Main PID: 812 (kubelet)
      Tasks: 12 (limit: 4617)
     CGroup: /system.slice/kubelet.service
             └─812 /usr/bin/kubelet --kubeconfig=/etc/kubernetes/kubelet.conf --config=/var/lib/kubelet/config.yaml
"
    } else {
        "    Process: 812 ExecStart=/usr/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS (code=exited, status=0/SUCCESS)
   Main PID: 812 (code=exited, status=0/SUCCESS)
"
    });
    text
}

impl Systemctl {
    fn run(&self, system: &mut dyn System) -> (String, String, i32) {
        let mut words = self.argv.iter().skip(1).filter(|word| !word.starts_with('-'));
        let verb = words.next().map_or("", String::as_str);
        let unit = words.next().map_or("", String::as_str).trim_end_matches(".service").to_owned();
        let node = system.env(NODE).filter(|node| !node.is_empty());
        let out = |text: &str, code: i32| (text.to_owned(), String::new(), code);
        let err = |text: String, code: i32| (String::new(), text, code);
        if verb == "daemon-reload" {
            return out("", 0);
        }
        let known = node.filter(|_| unit == "kubelet");
        let Some(node) = known else {
            return match verb {
                "status" => err(format!("Unit {unit}.service could not be found.\n"), 4),
                "is-active" => out("inactive\n", 4),
                "start" | "restart" => {
                    err(format!("Failed to {verb} {unit}.service: Unit {unit}.service not found.\n"), 5)
                }
                _ => err(format!("Failed to {verb} {unit}.service: Unit {unit}.service not loaded.\n"), 5),
            };
        };
        let now = system.now();
        let mut act = |action: ServiceAction| system.host().kubelet(&node, action);
        let state = match verb {
            "status" | "is-active" => act(ServiceAction::Look),
            "start" => act(ServiceAction::Start),
            "stop" => act(ServiceAction::Stop),
            "restart" | "reload-or-restart" => {
                act(ServiceAction::Stop);
                act(ServiceAction::Start)
            }
            "enable" | "disable" | "is-enabled" => return out(if verb == "is-enabled" { "enabled\n" } else { "" }, 0),
            _ => return err(format!("Unknown command verb '{verb}'.\n"), 1),
        };
        let Some(state) = state else { return err("Failed to connect to bus: Host is down\n".to_owned(), 1) };
        let code = if state.active { 0 } else { 3 };
        match verb {
            "status" => (status(&state, now), String::new(), code),
            "is-active" => out(if state.active { "active\n" } else { "inactive\n" }, code),
            _ => out("", 0),
        }
    }
}

impl Program for Systemctl {
    fn resume(&mut self, system: &mut dyn System) -> Step {
        let (out, err, code) = self.run(system);
        let _ = system.write(1, out.as_bytes());
        let _ = system.write(2, err.as_bytes());
        Step::Exit(code)
    }

    fn clone_box(&self) -> Box<dyn Program> {
        Box::new(self.clone())
    }
}
