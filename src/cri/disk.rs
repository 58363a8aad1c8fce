//! The disk of a node as far as Pods see it through `hostPath`: the directories and files that every machine has, and
//! what Pods have left there. Refuses to be a whole operating system.

use std::sync::Arc;

use super::service::HostKind;
use crate::shell::vfs::{Caller, Device, Kind, Tree, Vfs};

const DIRECTORIES: &[&str] = &[
    "/bin",
    "/boot",
    "/dev",
    "/etc/kubernetes/manifests",
    "/home",
    "/lib",
    "/lib/modules",
    "/mnt",
    "/opt",
    "/opt/cni/bin",
    "/proc",
    "/root",
    "/run/containerd",
    "/sbin",
    "/srv",
    "/sys/fs/cgroup",
    "/tmp",
    "/usr/bin",
    "/usr/lib",
    "/usr/local",
    "/usr/share/ca-certificates",
    "/var/lib/containerd",
    "/var/lib/kubelet/pods",
    "/var/log/containers",
    "/var/log/pods",
    "/etc/ssl/certs",
    "/etc/ca-certificates",
    "/etc/cni/net.d",
    "/var/run/containerd",
];

const FILES: &[(&str, &str)] = &[
    ("/etc/hosts", "127.0.0.1 localhost\n"),
    ("/etc/os-release", "NAME=\"Linux\"\nID=linux\n"),
    ("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\n"),
    ("/etc/group", "root:x:0:\n"),
    ("/etc/localtime", ""),
    ("/etc/machine-id", "8f7d2c1e5a4b4f0d9c3e6b1a7d2f4c58\n"),
    ("/etc/resolv.conf", "nameserver 127.0.0.53\n"),
    ("/run/xtables.lock", ""),
];

/// Sockets that programs of the node listen on.
const SOCKETS: &[&str] = &["/run/containerd/containerd.sock", "/var/run/containerd/containerd.sock"];

/// A fresh disk of the node of that name.
pub fn tree(node: &str) -> Tree {
    let mut disk = Vfs::new(Tree::default());
    for path in DIRECTORIES {
        make(&mut disk, path, HostKind::Directory);
    }
    for (path, text) in FILES {
        disk.put(path, Kind::File(Arc::new(text.as_bytes().to_vec())), 0o644);
    }
    disk.put("/etc/hostname", Kind::File(Arc::new(format!("{node}\n").into_bytes())), 0o644);
    disk.put("/dev/null", Kind::Device(Device::Null), 0o666);
    for path in SOCKETS {
        disk.put(path, Kind::Fifo, 0o660);
    }
    disk.into_root()
}

/// What stands at a path.
pub fn kind(disk: &Vfs, path: &str) -> Option<HostKind> {
    let found = disk.find("/", path, true).ok()?;
    Some(match disk.inode(found.node)?.kind {
        Kind::Directory(_) => HostKind::Directory,
        Kind::Device(_) => HostKind::CharDevice,
        Kind::Fifo if SOCKETS.contains(&path) => HostKind::Socket,
        _ => HostKind::File,
    })
}

/// Makes a directory with those above it, or an empty file in a directory that is there.
pub fn make(disk: &mut Vfs, path: &str, kind: HostKind) {
    // Who asks has looked that nothing is there; what cannot be made shows at the next look.
    let _ = match kind {
        HostKind::Directory => disk.make_dir("/", path, true, Caller::default()).map(drop),
        _ => disk.write_file("/", path, b"", Caller::default()),
    };
}
