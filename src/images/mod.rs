//! What can run: the list of images, image names, and the programs that only images have. Pulls nothing by itself.

pub mod agnhost;
pub mod catalog;
mod nginx;
pub mod perl;
pub mod redis;
pub mod reference;
pub mod server;
pub mod stress;

use std::sync::Arc;

use crate::shell::applets;
use crate::shell::machine::Programs;
use crate::shell::vfs::{Kind, Tree, Vfs};

pub use catalog::{Catalog, IMAGES, Image, PullError, pull_duration};
pub use reference::{InvalidReference, Reference};

/// The programs that images name besides the applets of the shell.
pub const PROGRAMS: Programs = Programs(&[
    ("nginx", server::make),
    ("httpd-foreground", server::make),
    ("redis-server", redis::make),
    ("redis-cli", redis::make_client),
    ("postgres", server::make),
    ("mysqld", server::make),
    ("coredns", server::make),
    ("etcd", server::make),
    ("kube-apiserver", server::make),
    ("kube-controller-manager", server::make),
    ("kube-proxy", server::make),
    ("kube-scheduler", server::make),
    ("pause", server::make),
    ("agnhost", agnhost::make),
    ("echoserver", server::make),
    ("hello-world", server::make),
    ("python", server::make),
    ("node", server::make),
    ("perl", perl::make),
    ("stress", stress::make),
]);

/// The root file system of an image. Freeze it once and clone it for every container.
pub fn root_tree(image: &Image) -> Tree {
    let mut vfs = match image.shell {
        Some((flavour, dialect)) => Vfs::new(applets::root_tree(flavour, dialect)),
        None => Vfs::default(),
    };
    for (path, name) in &image.programs {
        vfs.put(path, Kind::Program(Arc::from(name.as_str())), 0o755);
    }
    for (path, content) in &image.files {
        let mode = if content.starts_with("#!") { 0o755 } else { 0o644 };
        vfs.put(path, Kind::File(Arc::new(content.clone().into_bytes())), mode);
    }
    vfs.into_root()
}
