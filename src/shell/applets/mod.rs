//! The programs that every machine has: one file each, one list. Refuses to know Kubernetes.

/// An applet that runs at once: its arguments, the kernel and where it prints to, and its exit code.
macro_rules! applet {
    ($name:ident, $run:expr) => {
        pub fn $name(args: &[String]) -> Box<dyn $crate::shell::task::Task> {
            $crate::shell::applets::driver::once(args, $run)
        }
    };
}

mod archive;
mod awk;
mod dd;
pub mod driver;
mod files;
mod grep;
mod md5;
mod net;
mod options;
mod sed;
mod serve;
mod system;
mod text;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::machine::Dialect;
use super::process::{Flavour, SHELLS};
use super::task::Task;
use super::vfs::{Device, Inode, Kind, Tree, Vfs};
use driver::once;

/// A program that machines provide.
#[derive(Clone, Copy, Debug)]
pub struct Applet {
    /// Its name.
    pub name: &'static str,
    /// What it does, for `help`.
    pub summary: &'static str,
    /// Makes it from its arguments, the first of which is its name.
    pub make: fn(&[String]) -> Box<dyn Task>,
}

const fn applet(name: &'static str, summary: &'static str, make: fn(&[String]) -> Box<dyn Task>) -> Applet {
    Applet { name, summary, make }
}

/// Every applet.
pub const APPLETS: &[Applet] = &[
    applet("cat", "print files", text::cat),
    applet("head", "print the first lines", text::head),
    applet("tail", "print the last lines; -f: follow", text::tail),
    applet("wc", "count lines, words, bytes", text::wc),
    applet("sort", "sort lines", text::sort),
    applet("uniq", "drop repeated lines", text::uniq),
    applet("cut", "print parts of lines", text::cut),
    applet("tr", "replace characters", text::tr),
    applet("tee", "copy input to files", text::tee),
    applet("rev", "reverse lines", text::rev),
    applet("tac", "print lines last first", text::tac),
    applet("nl", "number lines", text::nl),
    applet("fold", "break long lines", text::fold),
    applet("sha256sum", "checksum", text::sha256sum),
    applet("md5sum", "checksum", text::md5sum),
    applet("base64", "encode or decode", text::base64),
    applet("tar", "make, list, unpack archives", archive::tar),
    applet("grep", "print matching lines", grep::make),
    applet("egrep", "grep -E", grep::make),
    applet("fgrep", "grep -F", grep::make),
    applet("awk", "run a program on lines", awk::make),
    applet("sed", "edit text by commands", sed::make),
    applet("ls", "list files", files::ls),
    applet("mkdir", "make directories", files::mkdir),
    applet("rmdir", "remove empty directories", files::rmdir),
    applet("rm", "remove files", files::rm),
    applet("cp", "copy files", files::cp),
    applet("mv", "move files", files::mv),
    applet("touch", "make a file or set its time", files::touch),
    applet("chmod", "set permissions", files::chmod),
    applet("ln", "make links", files::ln),
    applet("basename", "last part of a path", files::basename),
    applet("dirname", "path without its last part", files::dirname),
    applet("readlink", "where a link points", files::readlink),
    applet("realpath", "path without links", files::readlink),
    applet("stat", "facts of a file", files::stat),
    applet("mktemp", "make a temporary file", files::mktemp),
    applet("truncate", "set the size of a file", files::truncate),
    applet("dd", "copy blocks", dd::make),
    applet("du", "size of directories", files::du),
    applet("find", "find files", files::find),
    applet("date", "print the time", system::date),
    applet("hostname", "name of this machine", system::hostname),
    applet("uname", "what system this is", system::uname),
    applet("whoami", "who runs this", system::whoami),
    applet("id", "user and group", system::id),
    applet("printenv", "environment", system::printenv),
    applet("true", "succeed", system::true_),
    applet("false", "fail", system::false_),
    applet("nproc", "number of processors", system::nproc),
    applet("clear", "clear the terminal", system::clear),
    applet("pwd", "working directory", system::pwd),
    applet("echo", "print words", system::echo),
    applet("printf", "print by a format", system::printf),
    applet("test", "test a condition", system::test),
    applet("[", "test a condition", system::test),
    applet("kill", "send a signal", system::kill),
    applet("free", "memory", system::free),
    applet("df", "space on file systems", system::df),
    applet("uptime", "time since start", system::uptime),
    applet("which", "where a program is", system::which),
    applet("ps", "processes", system::ps),
    applet("expr", "evaluate an expression", system::expr),
    applet("sleep", "wait", system::sleep),
    applet("yes", "print a word for ever", system::yes),
    applet("seq", "print numbers", system::seq),
    applet("env", "run with an environment", system::env),
    applet("timeout", "run with a time limit", system::timeout),
    applet("nohup", "run without hang-up", system::nohup),
    applet("nice", "run with a priority", system::nice),
    applet("sudo", "run as root", system::sudo),
    applet("time", "measure a command", system::time),
    applet("watch", "run again and again", system::watch),
    applet("xargs", "run a command on items of input", system::xargs),
    applet("sync", "do nothing here", system::true_),
    applet("wget", "fetch a URL", net::wget),
    applet("curl", "fetch a URL", net::curl),
    applet("nslookup", "look up a name", net::nslookup),
    applet("nc", "connect or listen", serve::nc),
    applet("httpd", "serve files", serve::httpd),
];

/// The applet of that name.
pub fn find(name: &str) -> Option<&'static Applet> {
    APPLETS.iter().find(|applet| applet.name == name)
}

/// What `busybox nosuch` runs.
pub fn not_found(name: &str) -> Box<dyn Task> {
    once(&[name.to_owned()], |args, _, out| {
        out.err(&format!("{}: applet not found\n", args.first().map_or("", String::as_str)));
        127
    })
}

const BUSYBOX_DIRS: &[&str] =
    &["/bin", "/dev", "/etc", "/home", "/proc", "/root", "/sys", "/tmp", "/usr/bin", "/usr/sbin", "/var/spool"];
const DEBIAN_DIRS: &[&str] = &[
    "/boot",
    "/dev",
    "/etc",
    "/home",
    "/media",
    "/mnt",
    "/opt",
    "/proc",
    "/root",
    "/run",
    "/srv",
    "/sys",
    "/tmp",
    "/usr/bin",
    "/usr/lib",
    "/usr/local/bin",
    "/usr/local/sbin",
    "/usr/sbin",
    "/usr/share",
    "/var/log",
    "/var/tmp",
    "/var/lib",
];

/// The root file system of a machine with these tools and that shell.
pub fn root_tree(flavour: Flavour, dialect: Dialect) -> Tree {
    let mut vfs = Vfs::default();
    let dirs = if flavour == Flavour::Busybox { BUSYBOX_DIRS } else { DEBIAN_DIRS };
    for dir in dirs {
        let _ = vfs.make_dir("/", dir, true, Default::default());
    }
    devices(&mut vfs);
    let names = APPLETS.iter().map(|applet| applet.name).filter(|name| !name.contains(' '));
    if flavour == Flavour::Busybox {
        // One inode under many names, as in the image.
        vfs.put("/bin/busybox", Kind::Program(Arc::from("busybox")), 0o755);
        for name in names.chain(["sh", "ash"]).filter(|name| *name != "curl") {
            let _ = vfs.link("/", "/bin/busybox", &format!("/bin/{name}"), Default::default());
        }
        if dialect == Dialect::Bash {
            vfs.put("/bin/bash", Kind::Program(Arc::from("bash")), 0o755);
        }
        vfs.put("/usr/bin/env", Kind::Symlink("../../bin/env".into()), 0o777);
    } else {
        for name in names.filter(|name| *name != "curl" && *name != "wget") {
            vfs.put(&format!("/usr/bin/{name}"), Kind::Program(Arc::from(name)), 0o755);
        }
        for name in SHELLS.iter().filter(|name| **name != "ash") {
            let program = if *name == "sh" { "dash" } else { name };
            vfs.put(&format!("/usr/bin/{name}"), Kind::Program(Arc::from(program)), 0o755);
        }
        for (name, target) in [("/bin", "usr/bin"), ("/sbin", "usr/sbin"), ("/lib", "usr/lib"), ("/var/run", "/run")] {
            vfs.put(name, Kind::Symlink(target.into()), 0o777);
        }
    }
    accounts(&mut vfs, flavour);
    vfs.into_root()
}

fn devices(vfs: &mut Vfs) {
    for (name, device) in [
        ("null", Device::Null),
        ("zero", Device::Zero),
        ("full", Device::Full),
        ("random", Device::Random),
        ("urandom", Device::Random),
        ("tty", Device::Tty),
        ("stdin", Device::Descriptor(0)),
        ("stdout", Device::Descriptor(1)),
        ("stderr", Device::Descriptor(2)),
        ("fd/0", Device::Descriptor(0)),
        ("fd/1", Device::Descriptor(1)),
        ("fd/2", Device::Descriptor(2)),
    ] {
        vfs.put(&format!("/dev/{name}"), Kind::Device(device), 0o666);
    }
    for (name, text) in [
        ("/proc/version", "Linux version 6.1.0 (tabernetes)\n"),
        ("/proc/cpuinfo", "processor\t: 0\nmodel name\t: virtual\n\nprocessor\t: 1\nmodel name\t: virtual\n\n"),
        ("/proc/meminfo", "MemTotal:        2097152 kB\nMemFree:         1572864 kB\nMemAvailable:    1835008 kB\n"),
        ("/proc/filesystems", "nodev\tproc\nnodev\ttmpfs\n"),
    ] {
        vfs.put(name, Kind::File(Arc::new(text.as_bytes().to_vec())), 0o444);
    }
    if let Ok(found) = vfs.find("/", "/tmp", true)
        && let Some(inode) = vfs.inode_mut(found.node)
    {
        inode.mode = 0o1777;
    }
}

fn accounts(vfs: &mut Vfs, flavour: Flavour) {
    let shell = if flavour == Flavour::Busybox { "/bin/sh" } else { "/bin/bash" };
    let passwd = format!(
        "root:x:0:0:root:/root:{shell}\ndaemon:x:1:1:daemon:/usr/sbin:/bin/false\nwww-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\nlearner:x:1000:1000:learner:/home/learner:{shell}\nnobody:x:65534:65534:nobody:/home:/bin/false\n"
    );
    let group = "root:x:0:\ndaemon:x:1:\nwww-data:x:33:\nlearner:x:1000:\nnogroup:x:65534:\n";
    let files = BTreeMap::from([("/etc/passwd", passwd.as_str()), ("/etc/group", group)]);
    for (path, text) in files {
        vfs.put(path, Kind::File(Arc::new(text.as_bytes().to_vec())), 0o644);
    }
    if flavour == Flavour::Gnu {
        vfs.put(
            "/etc/os-release",
            Kind::File(Arc::new(
                b"PRETTY_NAME=\"Debian GNU/Linux 13 (trixie)\"\nNAME=\"Debian GNU/Linux\"\nID=debian\n".to_vec(),
            )),
            0o644,
        );
    }
}

/// Runs a function as a program: for applets that end at once.
pub type Run = fn(&[String], &mut super::kernel::Kernel, &mut driver::Out) -> i32;

/// Visits a file or directory and everything below, each directory before its entries: depth, path, inode.
fn walk(kernel: &super::kernel::Kernel, root: &str, visit: &mut dyn FnMut(usize, &str, &Inode)) {
    use super::program::System;
    let cwd = kernel.cwd();
    let mut open = vec![(0, root.to_owned())];
    while let Some((depth, path)) = open.pop() {
        let Ok(found) = kernel.vfs().find(&cwd, &path, false) else { continue };
        let Some(inode) = kernel.vfs().inode(found.node) else { continue };
        visit(depth, &path, inode);
        if inode.is_dir() && depth < 200 {
            let entries = kernel.vfs().list("/", &found.path).unwrap_or_default();
            let base = if path.ends_with('/') { path } else { format!("{path}/") };
            open.extend(entries.into_iter().rev().map(|(name, _)| (depth + 1, format!("{base}{name}"))));
        }
    }
}
