//! The one list of images that can run, and what a registry answers for all others. Refuses to run anything.

use std::collections::BTreeMap;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::reference::Reference;
use crate::shell::machine::Dialect;
use crate::shell::process::Flavour;

/// Which tags of a repository exist.
#[derive(Clone, Copy, Debug)]
pub struct Tags {
    /// Names such as `latest`; all stand for the newest version.
    pub names: &'static [&'static str],
    /// Version lines, oldest first: `("1.36", 1)` means 1.36, 1.36.0 and 1.36.1.
    pub lines: &'static [(&'static str, u32)],
    /// Variants: each may follow any version (`-alpine`), or stand alone without its dash.
    pub variants: &'static [&'static str],
    /// Whether the major version alone is a tag (`nginx:1`).
    pub major: bool,
    /// What stands before the version (`v` for coredns).
    pub prefix: &'static str,
}

const PLAIN: Tags = Tags { names: &["latest"], lines: &[], variants: &[], major: true, prefix: "" };

/// An image of the list.
#[derive(Clone, Copy, Debug)]
pub struct ImageSpec {
    /// Normalised registry and repository.
    pub name: &'static str,
    /// Its tags.
    pub tags: Tags,
    /// Which shell it has; `None` for an image without one.
    pub shell: Option<(Flavour, Dialect)>,
    /// Words that stand before the arguments.
    pub entrypoint: &'static [&'static str],
    /// Arguments when none are given.
    pub cmd: &'static [&'static str],
    /// Environment besides `PATH`.
    pub env: &'static [(&'static str, &'static str)],
    /// Programs besides the applets: path and name in `images::PROGRAMS`.
    pub programs: &'static [(&'static str, &'static str)],
    /// Files: path and content.
    pub files: &'static [(&'static str, &'static str)],
    /// Ports it says it listens on.
    pub ports: &'static [u16],
    /// User and group.
    pub user: (u32, u32),
    /// Working directory.
    pub workdir: &'static str,
    /// Compressed size in bytes.
    pub size: u64,
}

/// The versions of the control plane's own images.
const COMPONENT: Tags =
    Tags { names: &[], lines: &[("1.34", 3), ("1.35", 1), ("1.36", 2)], variants: &[], major: false, prefix: "v" };

const BUSYBOX: Option<(Flavour, Dialect)> = Some((Flavour::Busybox, Dialect::Ash));
const DEBIAN: Option<(Flavour, Dialect)> = Some((Flavour::Gnu, Dialect::Dash));
const BASE: ImageSpec = ImageSpec {
    name: "",
    tags: PLAIN,
    shell: DEBIAN,
    entrypoint: &[],
    cmd: &[],
    env: &[],
    programs: &[],
    files: &[],
    ports: &[],
    user: (0, 0),
    workdir: "/",
    size: 30_000_000,
};

const NGINX_PAGE: &str = "<!DOCTYPE html>\n<html>\n<head>\n<title>Welcome to nginx!</title>\n</head>\n<body>\n<h1>Welcome to nginx!</h1>\n<p>The web server is running.</p>\n</body>\n</html>\n";

/// Every image that can run.
pub const IMAGES: &[ImageSpec] = &[
    ImageSpec {
        name: "docker.io/library/busybox",
        tags: Tags {
            names: &["latest", "stable", "unstable"],
            lines: &[
                ("1.24", 2),
                ("1.25", 1),
                ("1.26", 2),
                ("1.27", 2),
                ("1.28", 4),
                ("1.29", 3),
                ("1.30", 1),
                ("1.31", 1),
                ("1.32", 1),
                ("1.33", 1),
                ("1.34", 1),
                ("1.35", 0),
                ("1.36", 1),
                ("1.37", 0),
            ],
            variants: &["glibc", "musl", "uclibc"],
            ..PLAIN
        },
        shell: BUSYBOX,
        cmd: &["sh"],
        size: 2_211_200,
        ..BASE
    },
    ImageSpec {
        name: "docker.io/library/alpine",
        tags: Tags {
            names: &["latest", "edge"],
            lines: &[
                ("3.12", 12),
                ("3.13", 12),
                ("3.14", 10),
                ("3.15", 11),
                ("3.16", 9),
                ("3.17", 10),
                ("3.18", 12),
                ("3.19", 9),
                ("3.20", 8),
                ("3.21", 5),
                ("3.22", 2),
            ],
            ..PLAIN
        },
        shell: BUSYBOX,
        cmd: &["/bin/sh"],
        files: &[("/etc/alpine-release", "3.22.2\n")],
        size: 3_800_000,
        ..BASE
    },
    ImageSpec {
        name: "docker.io/library/bash",
        tags: Tags { lines: &[("5.0", 18), ("5.1", 16), ("5.2", 37), ("5.3", 3)], ..PLAIN },
        shell: Some((Flavour::Busybox, Dialect::Bash)),
        cmd: &["bash"],
        size: 6_600_000,
        ..BASE
    },
    ImageSpec {
        name: "docker.io/library/nginx",
        tags: Tags {
            names: &["latest", "stable", "mainline"],
            lines: &[
                ("1.7", 12),
                ("1.12", 2),
                ("1.13", 12),
                ("1.14", 2),
                ("1.15", 12),
                ("1.16", 1),
                ("1.17", 10),
                ("1.18", 0),
                ("1.19", 10),
                ("1.20", 2),
                ("1.21", 6),
                ("1.22", 1),
                ("1.23", 4),
                ("1.24", 0),
                ("1.25", 5),
                ("1.26", 3),
                ("1.27", 5),
                ("1.28", 0),
                ("1.29", 3),
            ],
            variants: &["alpine", "alpine-slim", "alpine-perl", "perl", "bookworm", "bullseye"],
            ..PLAIN
        },
        entrypoint: &["/docker-entrypoint.sh"],
        cmd: &["nginx", "-g", "daemon off;"],
        env: &[("NGINX_VERSION", "1.29.3")],
        programs: &[("/usr/sbin/nginx", "nginx"), ("/usr/bin/curl", "curl")],
        files: &[
            ("/docker-entrypoint.sh", "#!/bin/sh\nexec \"$@\"\n"),
            ("/usr/share/nginx/html/index.html", NGINX_PAGE),
            (
                "/etc/nginx/nginx.conf",
                "user  nginx;\nworker_processes  auto;\n\nevents {\n    worker_connections  1024;\n}\n\nhttp {\n    include /etc/nginx/conf.d/*.conf;\n}\n",
            ),
            (
                "/etc/nginx/conf.d/default.conf",
                "server {\n    listen       80;\n    server_name  localhost;\n\n    location / {\n        root   /usr/share/nginx/html;\n        index  index.html index.htm;\n    }\n}\n",
            ),
        ],
        ports: &[80],
        size: 59_800_000,
        ..BASE
    },
    ImageSpec {
        name: "docker.io/library/httpd",
        tags: Tags { lines: &[("2.4", 65)], variants: &["alpine", "bookworm"], ..PLAIN },
        cmd: &["httpd-foreground"],
        programs: &[("/usr/local/bin/httpd-foreground", "httpd-foreground")],
        files: &[("/usr/local/apache2/htdocs/index.html", "<html><body><h1>It works!</h1></body></html>\n")],
        ports: &[80],
        workdir: "/usr/local/apache2",
        size: 45_200_000,
        ..BASE
    },
    ImageSpec {
        name: "docker.io/library/redis",
        tags: Tags {
            lines: &[
                ("5.0", 14),
                ("6.0", 20),
                ("6.2", 20),
                ("7.0", 15),
                ("7.2", 11),
                ("7.4", 6),
                ("8.0", 4),
                ("8.2", 2),
            ],
            variants: &["alpine", "bookworm"],
            ..PLAIN
        },
        cmd: &["redis-server"],
        programs: &[("/usr/local/bin/redis-server", "redis-server"), ("/usr/local/bin/redis-cli", "redis-cli")],
        ports: &[6379],
        workdir: "/data",
        size: 45_700_000,
        ..BASE
    },
    ImageSpec {
        name: "docker.io/library/postgres",
        tags: Tags {
            lines: &[("12", 22), ("13", 22), ("14", 19), ("15", 14), ("16", 10), ("17", 6), ("18", 0)],
            variants: &["alpine", "bookworm"],
            ..PLAIN
        },
        cmd: &["postgres"],
        programs: &[("/usr/local/bin/postgres", "postgres")],
        ports: &[5432],
        size: 152_000_000,
        ..BASE
    },
    ImageSpec {
        name: "docker.io/library/mysql",
        tags: Tags { lines: &[("5.6", 51), ("5.7", 44), ("8.0", 43), ("8.4", 6), ("9.4", 0)], ..PLAIN },
        cmd: &["mysqld"],
        programs: &[("/usr/sbin/mysqld", "mysqld")],
        ports: &[3306],
        size: 236_000_000,
        ..BASE
    },
    ImageSpec {
        name: "docker.io/library/perl",
        tags: Tags {
            lines: &[("5.30", 3), ("5.32", 1), ("5.34", 3), ("5.36", 3), ("5.38", 5), ("5.40", 3), ("5.42", 0)],
            variants: &["slim", "bookworm", "slim-bookworm", "bullseye"],
            names: &["latest", "stable"],
            ..PLAIN
        },
        cmd: &["perl5.42.0", "-de0"],
        programs: &[("/usr/local/bin/perl", "perl"), ("/usr/local/bin/perl5.42.0", "perl")],
        workdir: "/usr/src/app",
        size: 336_000_000,
        ..BASE
    },
    ImageSpec {
        name: "docker.io/library/python",
        tags: Tags {
            lines: &[
                ("2.7", 18),
                ("3.7", 17),
                ("3.8", 20),
                ("3.9", 23),
                ("3.10", 18),
                ("3.11", 13),
                ("3.12", 11),
                ("3.13", 7),
            ],
            variants: &["slim", "alpine", "bookworm", "slim-bookworm"],
            ..PLAIN
        },
        cmd: &["python3"],
        programs: &[("/usr/local/bin/python3", "python"), ("/usr/local/bin/python", "python")],
        size: 380_000_000,
        ..BASE
    },
    ImageSpec {
        name: "docker.io/library/node",
        tags: Tags {
            lines: &[("16", 20), ("18", 20), ("20", 19), ("22", 20), ("24", 9)],
            variants: &["slim", "alpine", "bookworm"],
            names: &["latest", "lts", "current"],
            ..PLAIN
        },
        cmd: &["node"],
        programs: &[("/usr/local/bin/node", "node")],
        size: 390_000_000,
        ..BASE
    },
    ImageSpec {
        name: "docker.io/library/debian",
        tags: Tags {
            names: &[
                "latest",
                "stable",
                "bookworm",
                "bookworm-slim",
                "bullseye",
                "bullseye-slim",
                "trixie",
                "trixie-slim",
                "stable-slim",
            ],
            lines: &[("10", 13), ("11", 11), ("12", 12), ("13", 1)],
            variants: &["slim"],
            ..PLAIN
        },
        cmd: &["bash"],
        files: &[("/etc/debian_version", "13.1\n")],
        size: 49_300_000,
        ..BASE
    },
    ImageSpec {
        name: "docker.io/library/ubuntu",
        tags: Tags {
            names: &["latest", "rolling", "focal", "jammy", "noble"],
            lines: &[("18.04", 0), ("20.04", 0), ("22.04", 0), ("24.04", 0), ("25.04", 0)],
            major: false,
            ..PLAIN
        },
        cmd: &["/bin/bash"],
        size: 29_700_000,
        ..BASE
    },
    ImageSpec {
        name: "docker.io/polinux/stress",
        tags: Tags { names: &["latest", "1.0.4"], ..PLAIN },
        shell: BUSYBOX,
        programs: &[("/usr/local/bin/stress", "stress")],
        cmd: &["/bin/sh"],
        size: 4_000_000,
        ..BASE
    },
    ImageSpec {
        name: "docker.io/library/hello-world",
        tags: Tags { names: &["latest", "linux"], ..PLAIN },
        shell: None,
        cmd: &["/hello"],
        programs: &[("/hello", "hello-world")],
        size: 10_100,
        ..BASE
    },
    ImageSpec {
        name: "docker.io/curlimages/curl",
        tags: Tags { lines: &[("7.88", 1), ("8.1", 2), ("8.5", 0), ("8.10", 1), ("8.16", 0)], ..PLAIN },
        shell: BUSYBOX,
        entrypoint: &["curl"],
        programs: &[("/usr/bin/curl", "curl")],
        user: (100, 101),
        size: 9_800_000,
        ..BASE
    },
    ImageSpec {
        name: "registry.k8s.io/pause",
        tags: Tags {
            names: &["latest", "3.1", "3.2", "3.3", "3.4.1", "3.5", "3.6", "3.7", "3.8", "3.9", "3.10", "3.10.1"],
            ..PLAIN
        },
        shell: None,
        entrypoint: &["/pause"],
        programs: &[("/pause", "pause")],
        user: (65535, 65535),
        size: 320_000,
        ..BASE
    },
    ImageSpec {
        name: "registry.k8s.io/coredns/coredns",
        tags: Tags {
            names: &[],
            lines: &[("1.10", 1), ("1.11", 4), ("1.12", 4), ("1.13", 1), ("1.14", 1)],
            prefix: "v",
            major: false,
            ..PLAIN
        },
        shell: None,
        entrypoint: &["/coredns"],
        programs: &[("/coredns", "coredns")],
        ports: &[53, 9153],
        size: 20_900_000,
        ..BASE
    },
    ImageSpec {
        name: "registry.k8s.io/kube-apiserver",
        tags: COMPONENT,
        shell: None,
        entrypoint: &["kube-apiserver"],
        programs: &[("/usr/local/bin/kube-apiserver", "kube-apiserver")],
        size: 27_000_000,
        ..BASE
    },
    ImageSpec {
        name: "registry.k8s.io/kube-controller-manager",
        tags: COMPONENT,
        shell: None,
        entrypoint: &["kube-controller-manager"],
        programs: &[("/usr/local/bin/kube-controller-manager", "kube-controller-manager")],
        size: 22_000_000,
        ..BASE
    },
    ImageSpec {
        name: "registry.k8s.io/kube-scheduler",
        tags: COMPONENT,
        shell: None,
        entrypoint: &["kube-scheduler"],
        programs: &[("/usr/local/bin/kube-scheduler", "kube-scheduler")],
        size: 17_000_000,
        ..BASE
    },
    ImageSpec {
        name: "registry.k8s.io/kube-proxy",
        tags: COMPONENT,
        shell: None,
        entrypoint: &["kube-proxy"],
        programs: &[("/usr/local/bin/kube-proxy", "kube-proxy")],
        size: 26_000_000,
        ..BASE
    },
    ImageSpec {
        name: "registry.k8s.io/etcd",
        tags: Tags { names: &["3.5.1-0", "3.5.15-0", "3.5.21-0", "3.5.30-0"], ..PLAIN },
        shell: None,
        entrypoint: &["etcd"],
        programs: &[("/usr/local/bin/etcd", "etcd")],
        size: 22_000_000,
        ..BASE
    },
    ImageSpec {
        name: "registry.k8s.io/e2e-test-images/agnhost",
        tags: Tags {
            names: &[],
            lines: &[("2.33", 0), ("2.39", 0), ("2.40", 0), ("2.43", 0), ("2.45", 0), ("2.47", 0), ("2.53", 0)],
            major: false,
            ..PLAIN
        },
        shell: BUSYBOX,
        entrypoint: &["/agnhost"],
        cmd: &["pause"],
        programs: &[("/agnhost", "agnhost")],
        size: 51_000_000,
        ..BASE
    },
    ImageSpec {
        name: "registry.k8s.io/busybox",
        tags: Tags { names: &["latest", "1.24", "1.27", "1.27.2"], ..PLAIN },
        shell: BUSYBOX,
        cmd: &["sh"],
        size: 1_100_000,
        ..BASE
    },
    ImageSpec {
        name: "registry.k8s.io/echoserver",
        tags: Tags { names: &["latest", "1.4", "1.10"], ..PLAIN },
        cmd: &["echoserver"],
        programs: &[("/usr/local/bin/echoserver", "echoserver")],
        ports: &[8080],
        size: 42_600_000,
        ..BASE
    },
];

/// What a registry answered for a name: enough to run a container of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// The normalised name that was asked for.
    pub reference: String,
    /// `registry/repository@sha256:...`
    pub repo_digest: String,
    /// Digest of the configuration, `sha256:...`; two tags of one version have the same.
    pub id: String,
    /// Compressed size in bytes.
    pub size: u64,
    /// Words before the arguments.
    pub entrypoint: Vec<String>,
    /// Arguments when none are given.
    pub cmd: Vec<String>,
    /// Environment.
    pub env: Vec<(String, String)>,
    /// User and group.
    pub user: (u32, u32),
    /// Working directory.
    pub workdir: String,
    /// Ports it says it listens on.
    pub ports: Vec<u16>,
    /// Whose tools and which shell; `None` without a shell.
    pub shell: Option<(Flavour, Dialect)>,
    /// Paths of provided programs and their names.
    pub programs: Vec<(String, String)>,
    /// Files and their content; one that starts with `#!` is executable.
    pub files: Vec<(String, String)>,
}

/// Why a pull failed: the code and words of a CRI answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullError {
    /// The gRPC code: `NotFound` or `Unknown`.
    pub code: &'static str,
    /// containerd's words.
    pub message: String,
}

impl std::fmt::Display for PullError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "rpc error: code = {} desc = {}", self.code, self.message)
    }
}

/// Images that a lesson brings on top of the list, by normalised name with tag.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    scripted: BTreeMap<String, Image>,
}

impl Catalog {
    /// Adds a busybox image whose command runs `script`: how a lesson makes an image of its own.
    pub fn add_script(&mut self, reference: &Reference, script: &str) {
        if let Some(busybox) = IMAGES.first() {
            let mut image = build(busybox, reference, "latest");
            image.cmd = vec!["sh".into(), "-c".into(), script.into()];
            self.scripted.insert(reference.to_string(), image);
        }
    }

    /// What the registry answers for a name.
    ///
    /// # Errors
    /// containerd's words for a name that is not there.
    pub fn resolve(&self, reference: &Reference) -> Result<Image, PullError> {
        if let Some(image) = self.scripted.get(&reference.to_string()) {
            return Ok(image.clone());
        }
        let full = reference.to_string();
        let fail = |code, cause: String| {
            let message =
                format!("failed to pull and unpack image \"{full}\": failed to resolve reference \"{full}\": {cause}");
            Err(PullError { code, message })
        };
        let name = reference.name();
        let Some(spec) = IMAGES.iter().find(|spec| spec.name == name) else {
            return match reference.registry.as_str() {
                "docker.io" => fail("Unknown", "pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed".into()),
                "registry.k8s.io" | "gcr.io" | "mcr.microsoft.com" => fail("NotFound", format!("{full}: not found")),
                "quay.io" => fail("Unknown", format!("unexpected status from HEAD request to https://quay.io/v2/{}/manifests/{}: 401 UNAUTHORIZED", reference.repository, reference.tag_or_latest())),
                "ghcr.io" => fail("Unknown", "failed to authorize: failed to fetch anonymous token: unexpected status from GET request to https://ghcr.io/token: 403 Forbidden".into()),
                host => fail("Unknown", format!("failed to do request: Head \"https://{host}/v2/{}/manifests/{}\": dial tcp: lookup {}: no such host", reference.repository, reference.tag_or_latest(), host.split(':').next().unwrap_or_default())),
            };
        };
        if let Some(digest) = &reference.digest {
            // A digest names content: it is there when some tag of the list has it.
            let known = all_versions(&spec.tags)
                .into_iter()
                .find(|version| build(spec, reference, version).repo_digest.ends_with(digest.as_str()));
            return match known {
                Some(version) => Ok(build(spec, reference, &version)),
                None => fail("NotFound", format!("{full}: not found")),
            };
        }
        match version_of(&spec.tags, reference.tag_or_latest()) {
            Some(version) => Ok(build(spec, reference, &version)),
            None => fail("NotFound", format!("{full}: not found")),
        }
    }
}

/// How long a pull takes: a fixed round trip and 20 MB a second.
pub fn pull_duration(size: u64) -> Duration {
    Duration::from_millis(1_000 + size / 20_000)
}

fn newest(tags: &Tags) -> String {
    match tags.lines.last() {
        Some((line, patch)) => format!("{line}.{patch}"),
        None => "latest".into(),
    }
}

fn all_versions(tags: &Tags) -> Vec<String> {
    let lines = tags.lines.iter().map(|(line, patch)| format!("{line}.{patch}"));
    lines.chain(tags.names.iter().map(|name| (*name).to_owned())).collect()
}

/// The version that a tag stands for, with its variant; `None` when there is no such tag.
fn version_of(tags: &Tags, tag: &str) -> Option<String> {
    if tags.names.contains(&tag) {
        // Without version lines every name is a version of its own.
        return Some(if tags.lines.is_empty() { tag.to_owned() } else { newest(tags) });
    }
    if tags.variants.contains(&tag) {
        return Some(format!("{}-{tag}", newest(tags)));
    }
    let (version, variant) = match tag.split_once('-') {
        Some((version, variant)) => (version, Some(variant)),
        None => (tag, None),
    };
    if variant.is_some_and(|variant| !tags.variants.contains(&variant)) {
        return None;
    }
    let version = version.strip_prefix(tags.prefix)?;
    let found = tags.lines.iter().rev().find_map(|(line, patch)| {
        if version == *line || (tags.major && line.split('.').next() == Some(version)) {
            return Some(format!("{line}.{patch}"));
        }
        let given = version.strip_prefix(line)?.strip_prefix('.')?;
        let number: u32 = given.parse().ok()?;
        (number <= *patch && number.to_string() == given).then(|| format!("{line}.{number}"))
    })?;
    Some(match variant {
        Some(variant) => format!("{found}-{variant}"),
        None => found,
    })
}

fn build(spec: &ImageSpec, reference: &Reference, version: &str) -> Image {
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let pairs =
        |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect::<Vec<_>>();
    let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    let mut env = vec![("PATH".to_owned(), path.to_owned())];
    env.extend(pairs(spec.env));
    if let Some((_, held)) = env.iter_mut().find(|(name, _)| name == "NGINX_VERSION") {
        version.split('-').next().unwrap_or(version).clone_into(held);
    }
    let alpine = version.contains("alpine");
    Image {
        reference: reference.to_string(),
        repo_digest: format!("{}@{}", reference.name(), digest(&format!("manifest {}:{version}", spec.name))),
        id: digest(&format!("config {}:{version}", spec.name)),
        size: if alpine { spec.size / 3 } else { spec.size },
        entrypoint: owned(spec.entrypoint),
        cmd: owned(spec.cmd),
        env,
        user: spec.user,
        workdir: spec.workdir.to_owned(),
        ports: spec.ports.to_vec(),
        shell: if alpine { BUSYBOX } else { spec.shell },
        programs: pairs(spec.programs),
        files: pairs(spec.files),
    }
}

/// `sha256:` and the digest of a text.
pub fn digest(text: &str) -> String {
    let hash = Sha256::digest(text.as_bytes());
    let half = |half: u8| char::from_digit(u32::from(half), 16);
    "sha256:".chars().chain(hash.iter().flat_map(|byte| [half(byte >> 4), half(byte & 15)]).flatten()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(name: &str) -> Result<Image, PullError> {
        Catalog::default().resolve(&Reference::parse(name).unwrap())
    }

    #[test]
    fn every_version_of_the_list_resolves_and_nothing_else_does() {
        for name in [
            "busybox",
            "busybox:1.36",
            "busybox:1.36.1",
            "busybox:1.36-musl",
            "nginx:1.27",
            "nginx:alpine",
            "perl:5.34",
            "perl:5.34.0",
            "registry.k8s.io/pause:3.10",
            "alpine:3",
        ] {
            assert!(resolve(name).is_ok(), "{name}");
        }
        for name in
            ["busybox:nosuchtag", "busybox:1.36.9", "busybox:1.99", "nginx:1.27-nosuch", "registry.k8s.io/pause:9"]
        {
            assert_eq!(resolve(name).unwrap_err().code, "NotFound", "{name}");
        }
    }

    #[test]
    fn a_failed_pull_says_what_containerd_says() {
        assert_eq!(
            resolve("busybox:nosuchtag").unwrap_err().to_string(),
            "rpc error: code = NotFound desc = failed to pull and unpack image \"docker.io/library/busybox:nosuchtag\": failed to resolve reference \"docker.io/library/busybox:nosuchtag\": docker.io/library/busybox:nosuchtag: not found"
        );
        assert!(resolve("nosuchimage").unwrap_err().message.ends_with("insufficient_scope: authorization failed"));
        assert!(resolve("nowhere.example/x").unwrap_err().message.ends_with("lookup nowhere.example: no such host"));
    }

    #[test]
    fn tags_of_one_version_share_an_id_and_a_digest_finds_its_image() {
        let (a, b) = (resolve("busybox:1.36").unwrap(), resolve("busybox:1.36.1").unwrap());
        assert_eq!(a.id, b.id);
        assert_eq!(resolve(&a.repo_digest).unwrap().id, a.id);
    }
}
