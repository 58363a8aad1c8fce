//! How the learner's machine is furnished: a home, a kubeconfig, kubectl, an editor. Runs nothing.

use std::sync::Arc;

use super::remote;
use crate::kubectl;
use crate::shell::applets;
use crate::shell::machine::{Dialect, Machine, MachineConfig, Programs};
use crate::shell::nano;
use crate::shell::process::Flavour;
use crate::shell::program::Program;
use crate::shell::vfs::{Caller, Kind, Vfs};

/// The learner's home directory.
pub const HOME: &str = "/home/learner";
/// Under which `host:port` the API server answers.
pub const AUTHORITIES: &[&str] = &["172.30.1.2:6443", "controlplane:6443", "kubernetes:443", "10.96.0.1:443"];

/// The learner's user and group.
const LEARNER: (u32, u32) = (1000, 1000);

const PROGRAMS: Programs = Programs(&[
    ("kubectl", make_kubectl),
    ("nano", nano::new),
    ("vi", nano::new),
    ("vim", nano::new),
    ("ssh", remote::ssh),
    ("systemctl", remote::systemctl),
]);

fn make_kubectl(args: &[String]) -> Box<dyn Program> {
    kubectl::new(args.get(1..).unwrap_or_default())
}

/// The certificates are placeholders: nothing on this machine encrypts, `kubectl config view` shows them omitted.
const KUBECONFIG: &str = "\
apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: dGFiZXJuZXRlcw==
    server: https://172.30.1.2:6443
  name: kubernetes
contexts:
- context:
    cluster: kubernetes
    namespace: default
    user: kubernetes-admin
  name: kubernetes-admin@kubernetes
current-context: kubernetes-admin@kubernetes
kind: Config
users:
- name: kubernetes-admin
  user:
    client-certificate-data: dGFiZXJuZXRlcw==
    client-key-data: dGFiZXJuZXRlcw==
";

/// What an interactive shell reads first.
const BASHRC: &str = "alias k=kubectl\nalias ll='ls -l'\n";

/// The prompt of a practice machine.
const PS1: &str = r"\[\e[01;32m\]\u@\h\[\e[00m\]:\[\e[01;34m\]\w\[\e[00m\]\$ ";

/// A machine with everything in its place and nothing running.
pub fn learners_machine(seed: u64) -> Machine {
    let mut vfs = Vfs::new(applets::root_tree(Flavour::Gnu, Dialect::Bash));
    for (name, path) in [
        ("kubectl", "/usr/local/bin/kubectl"),
        ("curl", "/usr/bin/curl"),
        ("wget", "/usr/bin/wget"),
        ("nano", "/usr/bin/nano"),
        ("vi", "/usr/bin/vi"),
        ("vim", "/usr/bin/vim"),
        ("ssh", "/usr/bin/ssh"),
        ("systemctl", "/usr/bin/systemctl"),
    ] {
        vfs.put(path, Kind::Program(Arc::from(name)), 0o755);
    }
    let put =
        |vfs: &mut Vfs, path: &str, text: &str| vfs.put(path, Kind::File(Arc::new(text.as_bytes().to_vec())), 0o644);
    put(&mut vfs, "/etc/hostname", "practice\n");
    put(
        &mut vfs,
        "/etc/passwd",
        "root:x:0:0:root:/root:/bin/bash\nlearner:x:1000:1000::/home/learner:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    );
    put(&mut vfs, "/etc/group", "root:x:0:\nlearner:x:1000:\nnogroup:x:65534:\n");
    let root = Caller { umask: 0o022, ..Caller::default() };
    let _ = vfs.make_dir("/", HOME, true, root);
    if let Ok(found) = vfs.find("/", HOME, true)
        && let Some(home) = vfs.inode_mut(found.node)
    {
        (home.uid, home.gid) = LEARNER;
    }
    let learner = caller();
    let _ = vfs.make_dir("/", "/home/learner/.kube", true, learner);
    let _ = vfs.write_file("/", "/home/learner/.kube/config", KUBECONFIG.as_bytes(), learner);
    let _ = vfs.write_file("/", "/home/learner/.bashrc", BASHRC.as_bytes(), learner);
    let env = [
        ("HOME", HOME),
        ("USER", "learner"),
        ("LOGNAME", "learner"),
        ("SHELL", "/bin/bash"),
        ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
        ("LANG", "C.UTF-8"),
        ("TERM", "xterm-256color"),
        ("EDITOR", "nano"),
        ("PS1", PS1),
    ];
    Machine::new(MachineConfig {
        hostname: "practice".into(),
        env: env.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        programs: PROGRAMS,
        dialect: Dialect::Bash,
        flavour: Flavour::Gnu,
        init: false,
        cwd: HOME.into(),
        user: LEARNER,
        root: vfs.into_root(),
        seed,
    })
}

/// The learner, as the file system knows them.
pub fn caller() -> Caller {
    Caller { uid: LEARNER.0, gid: LEARNER.1, umask: 0o022, ..Caller::default() }
}
