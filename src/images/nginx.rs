//! nginx's configuration, as far as lessons change it: `listen`, `root`, `return` and which file it is. Everything else is
//! read over; what is no configuration at all is refused in nginx's words.

use crate::shell::program::System;
use crate::text::http::Request;

/// Where its configuration begins.
const MAIN: &str = "/etc/nginx/nginx.conf";
const SITES: &str = "/etc/nginx/conf.d";
/// Its pages when nothing else is said.
const PAGES: &str = "/usr/share/nginx/html";

/// What `nginx -t` says of a good configuration.
pub const TESTED: &str = "nginx: the configuration file /etc/nginx/nginx.conf syntax is ok\nnginx: configuration file /etc/nginx/nginx.conf test is successful\n";
/// What it ends with for another.
pub const TEST_FAILED: &str = "nginx: configuration file /etc/nginx/nginx.conf test failed\n";

#[derive(Clone, Debug, Default)]
struct Location {
    path: String,
    exact: bool,
    root: Option<String>,
    returns: Option<(u16, String)>,
}

#[derive(Clone, Debug, Default)]
struct Site {
    ports: Vec<u16>,
    root: Option<String>,
    locations: Vec<Location>,
}

/// The servers of a configuration.
#[derive(Clone, Debug, Default)]
pub struct Config {
    sites: Vec<Site>,
}

/// What comes of a request.
pub enum Answer {
    /// This status and text.
    Text(u16, String),
    /// A file below this directory.
    Files(String),
}

impl Config {
    /// The ports that it listens on, each once.
    pub fn ports(&self) -> Vec<u16> {
        let mut ports: Vec<u16> = self.sites.iter().flat_map(|site| site.ports.iter().copied()).collect();
        ports.sort_unstable();
        ports.dedup();
        ports
    }

    /// What a request is answered with.
    pub fn answer(&self, request: &Request) -> Answer {
        let port = request.header("Host").and_then(|host| host.rsplit_once(':')?.1.parse().ok()).unwrap_or(80);
        let site = self.sites.iter().find(|site| site.ports.contains(&port)).or_else(|| self.sites.first());
        let Some(site) = site else { return Answer::Files(PAGES.to_owned()) };
        let fits = |location: &&Location| {
            if location.exact { request.path == location.path } else { request.path.starts_with(&location.path) }
        };
        let best = site.locations.iter().filter(fits).max_by_key(|location| (location.exact, location.path.len()));
        if let Some((status, text)) = best.and_then(|location| location.returns.clone()) {
            return Answer::Text(status, text);
        }
        let root = best.and_then(|location| location.root.clone()).or_else(|| site.root.clone());
        Answer::Files(root.unwrap_or_else(|| PAGES.to_owned()))
    }
}

/// Reads the configuration of a machine.
///
/// # Errors
/// What nginx says of the first thing that it does not understand.
pub fn read(system: &dyn System) -> Result<Config, String> {
    let mut config = Config::default();
    let main = system.read_file(MAIN).map_err(|_| format!("open() {MAIN:?} failed (2: No such file or directory)"))?;
    let main = String::from_utf8_lossy(&main).into_owned();
    parse(&main, MAIN, &mut config)?;
    if main.contains("conf.d/*.conf") {
        for file in system.read_dir(SITES).unwrap_or_default() {
            let path = format!("{SITES}/{}", file.name);
            if let Some(text) = system.read_file(&path).ok().filter(|_| file.name.ends_with(".conf")) {
                parse(&String::from_utf8_lossy(&text), &path, &mut config)?;
            }
        }
    }
    Ok(config)
}

/// The words of a text with their lines: `{`, `}` and `;` stand alone, quotes hold together.
fn words(text: &str) -> Vec<(usize, String)> {
    let (mut all, mut word, mut quote) = (Vec::new(), String::new(), None);
    for (index, line) in text.lines().enumerate() {
        let mut letters = line.chars();
        while let Some(letter) = letters.next() {
            match (quote, letter) {
                (Some(_), '\\') => match letters.next() {
                    Some('n') => word.push('\n'),
                    Some(other) => word.push(other),
                    None => {}
                },
                (Some(held), _) if letter == held => {
                    quote = None;
                    all.push((index + 1, std::mem::take(&mut word)));
                }
                (Some(_), _) => word.push(letter),
                (None, '#') if word.is_empty() => break,
                (None, '"' | '\'') if word.is_empty() => quote = Some(letter),
                (None, _) => {
                    let ends = matches!(letter, '{' | '}' | ';');
                    if !ends && !letter.is_whitespace() {
                        word.push(letter);
                        continue;
                    }
                    if !word.is_empty() {
                        all.push((index + 1, std::mem::take(&mut word)));
                    }
                    if ends {
                        all.push((index + 1, letter.to_string()));
                    }
                }
            }
        }
        if quote.is_some() {
            word.push('\n');
        } else if !word.is_empty() {
            all.push((index + 1, std::mem::take(&mut word)));
        }
    }
    all
}

fn parse(text: &str, file: &str, config: &mut Config) -> Result<(), String> {
    let (mut stack, mut directive): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    let mut last = 1;
    for (line, word) in words(text) {
        last = line;
        match word.as_str() {
            "{" => {
                let name = directive.first().cloned().unwrap_or_default();
                match name.as_str() {
                    "server" => config.sites.push(Site::default()),
                    "location" => {
                        let exact = directive.get(1).is_some_and(|word| word == "=");
                        let path = directive.last().cloned().unwrap_or_default();
                        let location = Location { path, exact, ..Location::default() };
                        config.sites.last_mut().into_iter().for_each(|site| site.locations.push(location.clone()));
                    }
                    "" => return Err(format!("unexpected \"{{\" in {file}:{line}")),
                    _ => {}
                }
                stack.push(name);
                directive.clear();
            }
            "}" => {
                if let Some(name) = directive.first() {
                    return Err(format!("directive {name:?} is not terminated by \";\" in {file}:{line}"));
                }
                if stack.pop().is_none() {
                    return Err(format!("unexpected \"}}\" in {file}:{line}"));
                }
            }
            ";" => {
                apply(&directive, stack.last().map_or("", String::as_str), config);
                directive.clear();
            }
            _ => directive.push(word),
        }
    }
    if !stack.is_empty() {
        return Err(format!("unexpected end of file, expecting \"}}\" in {file}:{last}"));
    }
    if !directive.is_empty() {
        return Err(format!("unexpected end of file, expecting \";\" or \"}}\" in {file}:{last}"));
    }
    for site in config.sites.iter_mut().filter(|site| site.ports.is_empty()) {
        site.ports.push(80);
    }
    Ok(())
}

fn apply(directive: &[String], block: &str, config: &mut Config) {
    let Some(site) = config.sites.last_mut() else { return };
    let argument = directive.get(1).map_or("", String::as_str);
    let location = if block == "location" { site.locations.last_mut() } else { None };
    match (directive.first().map(String::as_str), location) {
        (Some("listen"), _) => {
            site.ports.extend(argument.rsplit(':').next().and_then(|port| port.parse::<u16>().ok()));
        }
        (Some("root"), Some(location)) => location.root = Some(argument.trim_end_matches('/').to_owned()),
        (Some("root"), None) if block == "server" => site.root = Some(argument.trim_end_matches('/').to_owned()),
        (Some("return"), Some(location)) => {
            let text = directive.get(2).cloned().unwrap_or_default();
            location.returns = argument.parse().ok().map(|status| (status, text));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::http::Method;

    fn config(text: &str) -> Result<Config, String> {
        let mut config = Config::default();
        parse(text, "/x", &mut config).map(|()| config)
    }

    #[test]
    fn ports_roots_and_returns_are_read() {
        let text =
            "server {\n listen 8080; # here\n location / { root /www; }\n location = /hi { return 200 'hi\\n'; }\n}\n";
        let read = config(text).unwrap();
        assert_eq!(read.ports(), [8080]);
        assert!(matches!(read.answer(&Request::new(Method::Get, "/a")), Answer::Files(root) if root == "/www"));
        let Answer::Text(200, text) = read.answer(&Request::new(Method::Get, "/hi")) else { panic!("no text") };
        assert_eq!(text, "hi\n");
    }

    #[test]
    fn what_is_no_configuration_is_refused() {
        for (text, why) in [
            ("server { listen 80 }", "directive \"listen\" is not terminated by \";\" in /x:1"),
            ("server {\n", "unexpected end of file, expecting \"}\" in /x:1"),
            ("}\n", "unexpected \"}\" in /x:1"),
        ] {
            assert_eq!(config(text).unwrap_err(), why);
        }
    }
}
