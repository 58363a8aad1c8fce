//! `tabernetes serve`: a cluster that a real kubectl speaks to, over plain HTTP.

use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use super::options::Options;
use super::{Failure, Subcommand, prose};
use crate::cluster::Config;
use crate::http::{Owner, Settings, listen, serve};
use crate::sim::{Seed, Time};

/// The subcommand.
pub const SUBCOMMAND: Subcommand = Subcommand {
    name: "serve",
    usage: "[--listen ADDRESS] [--seed N] [--speed F] [--kubeconfig PATH]",
    summary: "Serves a fresh cluster to kubectl: `kubectl --server=http://127.0.0.1:8001 get nodes`.",
    run,
};

/// Where it listens when nothing is said.
const LISTEN: &str = "127.0.0.1:8001";
/// How long the cluster has been up when the first request comes.
const WARM_UP: Duration = Duration::from_secs(60);

fn run(words: &[String]) -> Result<(), Failure> {
    let options = Options::read(words, &["listen", "seed", "speed", "kubeconfig"])?;
    if let Some(word) = options.plain.first() {
        return Err(Failure::Usage(format!("`{word}` is one word too many")));
    }
    let listen_at = options.value("listen").unwrap_or(LISTEN);
    let address: SocketAddr = listen_at
        .parse()
        .map_err(|_| Failure::Usage(format!("`{listen_at}` is no address; write one such as {LISTEN}")))?;
    let seed: u64 = number(&options, "seed", 1)?;
    let speed: f64 = number(&options, "speed", 1.0)?;
    if !(speed.is_finite() && (0.001..=10_000.0).contains(&speed)) {
        return Err(Failure::Usage(format!("a speed of {speed} is too much; 1 is real time, 60 a minute a second")));
    }
    #[expect(clippy::disallowed_methods, reason = "a served cluster begins at the machine's time")]
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let start = Time::from_seconds(now.saturating_sub(WARM_UP).as_secs());
    let config = Config { seed: Seed::new(seed), start, ..Config::default() };
    let settings = Settings { config, speed, warm_up: WARM_UP, prose: prose::read()? };
    let failed = |what: &str, error: std::io::Error| Failure::Failed(format!("tabernetes serve: {what}: {error}"));
    let runtime = tokio::runtime::Runtime::new().map_err(|error| failed("cannot start", error))?;
    runtime.block_on(async {
        let listener = listen(address).await.map_err(|error| failed(listen_at, error))?;
        let address = listener.local_addr().map_err(|error| failed(listen_at, error))?;
        let owner = Owner::start(settings).map_err(|error| failed("cannot start the cluster", error))?;
        if let Some(path) = options.value("kubeconfig") {
            fs::write(path, kubeconfig(address)).map_err(|error| failed(path, error))?;
            println!("Wrote {path}: kubectl --kubeconfig={path} get nodes");
        }
        println!("Serving on http://{address} (speed {speed}, seed {seed}). Ctrl-C ends it.");
        println!("Try: kubectl --server=http://{address} get nodes");
        // Ctrl-C ends open watches too.
        serve(listener, owner, async {
            let _ = tokio::signal::ctrl_c().await;
        })
        .await;
        Ok(())
    })
}

fn number<T: std::str::FromStr>(options: &Options, name: &str, default: T) -> Result<T, Failure> {
    match options.value(name) {
        None => Ok(default),
        Some(text) => text.parse().map_err(|_| Failure::Usage(format!("`--{name} {text}` is no number"))),
    }
}

fn kubeconfig(address: SocketAddr) -> String {
    format!(
        "apiVersion: v1\nkind: Config\nclusters:\n- name: kubernetes\n  cluster:\n    server: http://{address}\n\
         contexts:\n- name: kubernetes-admin@kubernetes\n  context:\n    cluster: kubernetes\n    namespace: default\n    \
         user: kubernetes-admin\ncurrent-context: kubernetes-admin@kubernetes\nusers:\n- name: kubernetes-admin\n  user: {{}}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_sense_is_refused_before_anything_starts() {
        for words in [["--listen", "nowhere"], ["--speed", "0"], ["--speed", "NaN"], ["--seed", "x"]] {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            assert!(matches!(run(&words), Err(Failure::Usage(_))), "{words:?}");
        }
    }

    #[test]
    fn the_kubeconfig_is_yaml_that_names_the_server() {
        let written = kubeconfig("127.0.0.1:8001".parse().unwrap());
        let read = crate::text::yaml::from_yaml(&written).unwrap();
        assert_eq!(read["clusters"][0]["cluster"]["server"], "http://127.0.0.1:8001");
    }
}
