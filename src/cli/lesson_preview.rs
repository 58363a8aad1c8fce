//! `tabernetes lesson preview`: the lessons as their readers will see them, drawn anew whenever a file is saved.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use super::options::Options;
use super::{Failure, Subcommand, lesson_folder, site_build};
use crate::http::{CHANGES, Pages, listen, serve_pages};
use crate::lesson::html::escape;

/// The subcommand.
pub const SUBCOMMAND: Subcommand = Subcommand {
    name: "lesson preview",
    usage: "[DIR] [--listen ADDRESS] [--engine DIR]",
    summary: "Serves the lessons below DIR (default: lessons) and reloads the page on every save; styles and lab come from `cargo xtask build`.",
    run,
};

const LISTEN: &str = "127.0.0.1:8080";
/// Where `cargo xtask build` puts the site.
const ENGINE: &str = "dist";
/// How often the folder is looked at.
const LOOK: Duration = Duration::from_millis(300);

/// The pages as they are now.
type Drawn = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

fn run(words: &[String]) -> Result<(), Failure> {
    let options = Options::read(words, &["listen", "engine"])?;
    let folder = PathBuf::from(options.plain_or("lessons")?);
    let at = options.value("listen").unwrap_or(LISTEN);
    let address: SocketAddr =
        at.parse().map_err(|_| Failure::Usage(format!("`{at}` is no address; write one such as {LISTEN}")))?;
    let engine = PathBuf::from(options.value("engine").unwrap_or(ENGINE));
    if !engine.join("tabernetes.js").is_file() {
        println!(
            "{}: there is no tabernetes.js, so the pages come without styles and without the lab. `cargo xtask build` makes \
             both in `{ENGINE}`; `--engine DIR` looks elsewhere.",
            engine.display()
        );
    }
    let failed =
        |what: &str, error: std::io::Error| Failure::Failed(format!("tabernetes lesson preview: {what}: {error}"));
    let runtime = tokio::runtime::Runtime::new().map_err(|error| failed("cannot start", error))?;
    runtime.block_on(async {
        let listener = listen(address).await.map_err(|error| failed(at, error))?;
        let address = listener.local_addr().map_err(|error| failed(at, error))?;
        println!("Serving {} on http://{address}/. Ctrl-C ends it.", folder.display());
        let (changed, version) = tokio::sync::watch::channel(0);
        let drawn = Drawn::default();
        let pages = pages(drawn.clone(), engine);
        let drawing = tokio::task::spawn_blocking(move || draw(&folder, &drawn, &changed));
        tokio::select! {
            served = serve_pages(listener, pages, version) => served.map_err(|error| failed(at, error)),
            _ = drawing => Ok(()),
            _ = tokio::signal::ctrl_c() => std::process::exit(0),
        }
    })
}

/// Draws the pages whenever a file of the folder has changed; ends with the server.
#[expect(clippy::disallowed_methods, reason = "a person saves files in real time")]
fn draw(folder: &Path, drawn: &Drawn, changed: &tokio::sync::watch::Sender<u64>) {
    let mut seen = None;
    while !changed.is_closed() {
        let now = newest(folder);
        if seen != Some(now) {
            seen = Some(now);
            let pages = lesson_folder::load(folder).and_then(|lessons| site_build::pages(&lessons));
            let pages = pages.map(|pages| pages.into_iter().map(reloading).collect()).unwrap_or_else(|failure| {
                let (Failure::Failed(problem) | Failure::Usage(problem)) = failure;
                println!("{problem}");
                troubles(&problem)
            });
            if let Ok(mut drawn) = drawn.lock() {
                *drawn = pages;
            }
            changed.send_modify(|version| *version += 1);
        }
        std::thread::sleep(LOOK);
    }
}

/// When something in the folder was written last, and how many files there are.
fn newest(folder: &Path) -> (Option<SystemTime>, usize) {
    let mut found = (fs::metadata(folder).and_then(|facts| facts.modified()).ok(), 1);
    for entry in fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok) {
        let path = entry.path();
        let (time, count) = match path.is_dir() {
            true => newest(&path),
            false => (entry.metadata().and_then(|facts| facts.modified()).ok(), 1),
        };
        found = (found.0.max(time), found.1 + count);
    }
    found
}

/// A page that asks whether it has changed, and loads itself anew.
fn reloading((path, content): (String, Vec<u8>)) -> (String, Vec<u8>) {
    if !path.ends_with(".html") {
        return (path, content);
    }
    let script = format!(
        "<script>(async()=>{{let v='';for(;;){{try{{const n=await(await fetch('{CHANGES}?'+v)).text();\
         if(v&&n!==v)return location.reload();v=n}}catch{{await new Promise(r=>setTimeout(r,1000))}}}}}})()</script></body>"
    );
    let page = String::from_utf8_lossy(&content).replace("</body>", &script);
    (path, page.into_bytes())
}

/// The one page there is while something is wrong: what, and where.
fn troubles(problem: &str) -> BTreeMap<String, Vec<u8>> {
    let page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Not yet</title></head>\n\
         <body><h1>Not yet</h1>\n<pre style=\"white-space: pre-wrap\">{}</pre></body></html>\n",
        escape(problem)
    );
    BTreeMap::from([reloading((TROUBLES.to_owned(), page.into_bytes()))])
}

const TROUBLES: &str = "troubles.html";

fn pages(drawn: Drawn, engine: PathBuf) -> Pages {
    Arc::new(move |path| {
        let own = drawn.lock().ok().and_then(|drawn| match drawn.get(path) {
            None if path.ends_with(".html") => drawn.get(TROUBLES).cloned(),
            own => own.cloned(),
        });
        // A service worker would keep pages that are about to change.
        let engines = path != "sw.js" && !path.split('/').any(|part| part == ".." || part.is_empty());
        own.or_else(|| fs::read(engine.join(path)).ok().filter(|_| engines))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_reload_troubles_are_shown_and_nothing_outside_the_engine_is_read() {
        let drawn = Drawn::default();
        let pages = pages(drawn.clone(), PathBuf::from("src"));
        assert!(pages("lib.rs").is_some() && pages("../Cargo.toml").is_none() && pages("sw.js").is_none());
        *drawn.lock().unwrap() = troubles("l.md:1: <b>");
        let shown = String::from_utf8(pages("lessons/01-a/index.html").unwrap()).unwrap();
        assert!(shown.contains("l.md:1: &lt;b&gt;") && shown.contains(CHANGES), "{shown}");
    }
}
