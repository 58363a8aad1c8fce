//! `--profile` and `--profile-output`: a profile of this call, in the form that `go tool pprof` reads.
//!
//! kubectl takes no virtual time to compute, so every profile is honest and empty: it names what would be counted and
//! holds no sample. As upstream, a profile of the CPU makes its file before the command runs, the others after it, and
//! a command that fails leaves what is there.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/profiling.go and the form of github.com/google/pprof.

use super::failure::{Failure, path_error};
use super::flags::Flags;
use crate::shell::program::System;

/// What can be profiled: the name, what is counted, and its unit.
const PROFILES: &[(&str, &str, &str)] = &[
    ("cpu", "samples", "count"),
    ("heap", "inuse_space", "bytes"),
    ("goroutine", "goroutine", "count"),
    ("threadcreate", "threadcreate", "count"),
    ("block", "contentions", "count"),
    ("mutex", "contentions", "count"),
];

/// The profile that the flags ask for. A command with a `--profile` of its own has none.
fn asked(flags: &Flags) -> Result<Option<(&'static str, &'static str)>, Failure> {
    let global = flags.known().iter().find(|flag| flag.name == "profile").is_some_and(|flag| flag.default == "none");
    let name = flags.text("profile");
    if !global || name == "none" {
        return Ok(None);
    }
    let known = PROFILES.iter().find(|(known, ..)| *known == name);
    known
        .map(|(_, counted, unit)| Some((*counted, *unit)))
        .ok_or_else(|| Failure::msg(format!("unknown profile '{name}'")))
}

/// Before the command runs.
///
/// # Errors
/// A profile that does not exist, a file that cannot be made.
pub fn begin(system: &mut dyn System, flags: &Flags) -> Result<(), Failure> {
    match asked(flags)? {
        Some(_) if flags.text("profile") == "cpu" => write(system, flags, &[]),
        _ => Ok(()),
    }
}

/// After it, when it has gone well.
///
/// # Errors
/// A file that cannot be written.
pub fn end(system: &mut dyn System, flags: &Flags) -> Result<(), Failure> {
    let Some((counted, unit)) = asked(flags)? else { return Ok(()) };
    let now = system.now().as_micros().saturating_mul(1000);
    write(system, flags, &empty(counted, unit, now))
}

fn write(system: &mut dyn System, flags: &Flags, bytes: &[u8]) -> Result<(), Failure> {
    let path = flags.text("profile-output");
    system.write_file(path, bytes).map_err(|errno| Failure::msg(path_error("open", path, errno)))
}

/// A profile without samples: what is counted, its unit, and when, in nanoseconds.
fn empty(counted: &str, unit: &str, nanoseconds: u64) -> Vec<u8> {
    // sample_type = 1 (type = 1, unit = 2), string_table = 6, time_nanos = 9.
    let mut out = vec![0x0a, 4, 0x08, 1, 0x10, 2];
    for text in ["", counted, unit] {
        out.push(0x32);
        number(&mut out, text.len() as u64);
        out.extend_from_slice(text.as_bytes());
    }
    out.push(0x48);
    number(&mut out, nanoseconds);
    out
}

/// A number of protobuf: seven bits a byte, the lowest first.
fn number(out: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push((value & 0x7f) as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_names_what_it_counts_and_holds_no_sample() {
        let bytes = empty("samples", "count", 300);
        assert_eq!(bytes, b"\x0a\x04\x08\x01\x10\x02\x32\x00\x32\x07samples\x32\x05count\x48\xac\x02");
    }
}
