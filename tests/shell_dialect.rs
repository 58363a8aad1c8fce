//! Scripts played through the machine's shells and through the real ones: the real thing is the expectation.
#![allow(clippy::unwrap_used, reason = "a test stops at once, in its helpers too")]

use std::process::Command;

use tabernetes::shell::program::NoHost;
use tabernetes::shell::{Dialect, Flavour, Machine, MachineConfig, SpawnOptions, Stdio, Stream};
use tabernetes::sim::Time;

/// What a script printed and how it ended.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    stdout: String,
    stderr: String,
    code: i32,
}

fn ours(dialect: Dialect, script: &str) -> Outcome {
    let name = match dialect {
        Dialect::Bash => "bash",
        _ => "sh",
    };
    let flavour = if dialect == Dialect::Ash { Flavour::Busybox } else { Flavour::Gnu };
    let mut machine = Machine::new(MachineConfig {
        dialect,
        flavour,
        root: tabernetes::shell::applets::root_tree(flavour, dialect),
        env: vec![("HOME".into(), "/root".into()), ("PATH".into(), "/usr/bin:/bin".into())],
        cwd: "/tmp".into(),
        ..MachineConfig::default()
    });
    let argv = [name, "-c", script].map(str::to_owned);
    let pid = machine.spawn(&argv, Stdio::Capture { input: false }, SpawnOptions::default()).unwrap();
    let mut now = Time::from_seconds(1_000_000);
    let mut outcome = Outcome { stdout: String::new(), stderr: String::new(), code: -1 };
    for _ in 0..20_000 {
        let run = machine.run(now, &mut NoHost, 2_000);
        for chunk in machine.take_output(pid) {
            let text = String::from_utf8_lossy(&chunk.bytes).into_owned();
            match chunk.stream {
                Stream::Stdout => outcome.stdout += &text,
                Stream::Stderr => outcome.stderr += &text,
            }
        }
        if let Some(status) = machine.exit_status(pid) {
            outcome.code = status.code();
            break;
        }
        let Some(next) = run.next.or_else(|| machine.next_wake()) else { break };
        now = next;
    }
    outcome
}

fn real(dialect: Dialect, script: &str) -> Option<Outcome> {
    let dir = std::env::temp_dir().join(format!("shell-dialect-{}-{dialect:?}", std::process::id()));
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).ok()?;
    let mut command = match dialect {
        Dialect::Bash => Command::new("bash"),
        Dialect::Dash => {
            let mut command = Command::new("bash");
            command.args(["-c", "exec -a sh dash \"$@\"", "x"]);
            command
        }
        Dialect::Ash => {
            let mut command = Command::new("busybox");
            command.arg("sh");
            command
        }
    };
    let output = command
        .args(["-c", script])
        .current_dir(&dir)
        .env_clear()
        .env("HOME", "/root")
        .env("LC_ALL", "C.UTF-8")
        .env("PATH", "/usr/bin:/bin")
        .stdin(std::process::Stdio::null())
        .output()
        .ok()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(dir.to_str().unwrap_or("?"), "/tmp");
    let code = output.status.code().unwrap_or(-1);
    Some(Outcome { stdout: text(&output.stdout), stderr: text(&output.stderr), code })
}

/// Scripts that every shell must play as the real one does.
const COMMON: &[&str] = &[
    "echo Hello from a Job && sleep 0.01",
    "echo about to fail; exit 3",
    "nosuch arg; echo $?",
    "nosuch arg",
    "x=5; y=$((x*2+1)); echo $x $y",
    "for i in 1 2 3; do echo $i; done",
    "i=0; while [ $i -lt 3 ]; do echo $i; i=$((i+1)); done",
    "until true; do echo no; done; echo $?",
    "i=0; while [ $i -lt 2 ]; do i=$((i+1)); (exit $i); done; echo $?",
    "i=0; until [ $i -ge 2 ]; do i=$((i+1)); false; done; echo $?",
    "i=0; while echo $?; [ $i -lt 2 ]; do i=$((i+1)); false; continue; done; echo $?",
    "false; while false; do :; done; echo $?",
    "printf 'a\\nb\\n' | while read l; do [ $l = a ]; done; echo $?",
    "case abc in a*) echo yes;; *) echo no;; esac",
    "case x in y) echo y;; esac; echo $?",
    "f() { echo $1 $#; return 4; }; f a b; echo $?",
    "echo one | cat | cat; echo $?",
    "false | true; echo $?; true | false; echo $?",
    "! true; echo $?",
    "true && echo a || echo b; false && echo a || echo b",
    "(exit 5); echo $?",
    "x=1; (x=2; echo $x); echo $x",
    "{ echo a; echo b; } > f; cat f",
    "cat <<EOF\na $((1+1)) `echo c`\nEOF",
    "cat <<'EOF'\na $x\nEOF",
    "cat <<-EOF\n\t\tindented\n\tEOF",
    "echo \"a  b\" a   b 'c  d'",
    "x='a b  c'; set -- $x; echo $#; set -- \"$x\"; echo $#",
    "set -- a 'b c' d; for w in \"$@\"; do echo \"[$w]\"; done; echo \"$*\"",
    "set --; echo $# \"$@\"",
    "x=hello; echo ${#x} ${x%l*} ${x%%l*} ${x#*l} ${x##*l}",
    "echo ${x-unset} ${x:=set} $x ${y+alt} ${x:+alt}",
    "x=; echo ${x:-empty} ${x-none}",
    "IFS=:; x=a:b::c; for w in $x; do echo \"[$w]\"; done",
    "echo $(echo a; echo b)",
    "echo \"$(echo 'x y')\" `echo z`",
    "x=$(false); echo $?",
    "set -e; false; echo no",
    "set -e; if false; then :; fi; false || true; echo yes",
    "set -e; f() { false; echo no; }; f; echo no",
    "set -u; echo $nope; echo no",
    "trap 'echo bye' EXIT; echo hi",
    "trap 'echo bye' EXIT; exit 3",
    "trap 'echo term' TERM; kill $$; echo after",
    "sleep 0.01 & wait; echo done",
    "sleep 0.01 & wait $!; echo $?",
    "(sleep 0.01; exit 7) & wait $!; echo $?",
    "echo err >&2; echo out",
    "ls nosuch 2>/dev/null; echo $?",
    "{ echo a; echo b >&2; } 2>&1 | sort",
    "echo a > f; echo b >> f; cat f; wc -l < f",
    "printf '%s-%d\\n' a 5 b 6; printf 'x\\ty\\n'",
    "printf '%5s|%-5s|%05d|%x\\n' a b 42 255",
    "read x < /dev/null; echo $?",
    "echo 'a b c' | { read x y; echo \"$x|$y\"; }",
    "printf 'a\\nb\\n' | while read l; do echo \"<$l>\"; done",
    "for i in 1 2 3; do [ $i = 2 ] && continue; echo $i; done",
    "for i in 1 2 3; do for j in a b; do [ $j = b ] && continue 2; echo $i$j; done; done",
    "while true; do break; done; echo $?",
    "test -f /etc/passwd && echo file; [ -d /etc ] && echo dir; [ -z '' ]; echo $?",
    "[ 1 -lt 2 ] && [ a != b ] && ! [ a = b ] && echo ok",
    "eval 'x=3; echo $x'",
    "x=y; eval echo \\$x '$x'",
    "cd /; pwd; cd - > /dev/null; cd /nosuch; echo $?",
    "unset x; x=1; unset x; echo ${x-gone}",
    "export A=1; sh -c 'echo $A'; B=2 sh -c 'echo $B'; echo \"[$B]\"",
    "f() { local x=1; echo $x; }; x=0; f; echo $x",
    "echo a; fi",
    "if true",
    "echo ${x?bad}; echo no",
    "shift 2> /dev/null; echo never $?",
    "echo $((1 ? 2 : 3)) $((7 / 2)) $((-7 % 3)) $((1 << 4)) $((5 > 3 && 2 > 1))",
    "echo a*b; touch a1b a2b; echo a*b a?b [a]1*",
    "echo *; touch x.txt y.txt; echo *.txt",
    "mkdir -p d/e; touch d/e/f; find d | sort; rm -r d; ls d 2>&1 | wc -l",
    "echo 'hello world' | sed 's/o/0/g; s/h\\(.*\\)w/H\\1W/'",
    "printf 'a\\nb\\nc\\n' | sed -n '2p'; printf 'a\\nb\\nc\\n' | sed '2d'; printf 'a\\nb\\n' | sed '$d'",
    "printf 'b\\na\\nb\\n' | sort | uniq -c | sort -rn",
    "printf 'x,y,z\\n' | cut -d, -f1,3; echo hello | cut -c2-3",
    "echo hello | tr a-z A-Z; echo 'a  b' | tr -s ' '; echo abc | tr -d b",
    "seq 3; seq 2 2 6; seq -s, 3",
    "printf 'foo\\nbar\\n' | grep -n o; printf 'foo\\n' | grep -c o; echo x | grep y; echo $?",
    "printf 'Name: a\\nPods: b\\nX\\n' | grep -E '^(Name|Pods)'; echo aXb | grep -io x",
    "seq 10 | head -3; seq 10 | tail -2; seq 5 | head -n -2; seq 5 | tail -n +4",
    "echo 'a b c' | xargs -n1 echo item; echo x | xargs -I{} echo '<{}>'",
    "basename /a/b.txt .txt; dirname /a/b; echo aGk= | base64 -d; echo; echo hi | base64",
    "echo hi | md5sum; echo hi | sha256sum",
    "expr 1 + 2; expr 3 \\* 4; expr a = b; echo $?",
    "yes | head -2",
    "head -c 30000 /dev/zero | wc -c; printf 'ab\\ncd' > f; head -c 3 f f; head -c 0 f; cat /dev/zero | head -c 70000 | wc -c",
    "x='a\\tb'; echo -n \"$x\" | wc -c",
    "while :; do echo x; done | head -1",
    "f() { f2() { echo inner; }; f2; }; f; f2",
    "echo \"a\\\"b\\$c\" 'it'\\''s'",
    "x=abc; case $x in [a-b]bc) echo class;; esac; case '*' in \\*) echo star;; esac",
    "exec 3>f; echo three >&3; exec 3>&-; cat f",
    "cat < nosuch; echo $?",
    "echo x > /nosuch/f; echo $?",
    "/etc/passwd; echo $?",
    "./nosuch; echo $?",
    "printf '#!/bin/sh\\necho script $1\\n' > s; chmod +x s; ./s arg",
    "echo 'echo sourced $x' > s; x=5; . ./s",
    "set -x; echo a 'b c' 2>&1",
    "x=1; x=2 true; echo $x",
    "getopts ab: o -a; echo $o; getopts ab: o -a; echo $?",
    "echo ${10-ten}; set -- 1 2 3 4 5 6 7 8 9 x; echo ${10}",
    "env -i A=1 env",
    "timeout 0.05 sleep 5; echo $?",
    "type cd; command -v nosuch; echo $?",
    "umask; kill -0 $$; echo $?",
    "return 3 2>/dev/null; echo after",
    "echo ~ ~/x; HOME=/h; echo ~",
    "test a b c d; echo $?",
    "cat nosuch; head -1 nosuch; ls nosuch; rm nosuch; mkdir /tmp/x/y/z; cp a; sleep abc",
    "set -- a b; shift; echo $1; shift 5; echo next",
];

/// Known differences with their reason; each announces its cure by failing when it is gone.
const KNOWN: &[(&str, Dialect, &str)] = &[
    ("ls nosuch 2>/dev/null; echo $?", Dialect::Ash, "the installed busybox ash runs the system's ls, ours its own: 1"),
    (
        "timeout 0.05 sleep 5; echo $?",
        Dialect::Ash,
        "the installed busybox ash runs the system's timeout, ours its own: 143",
    ),
];

#[test]
fn scripts_come_out_as_in_the_real_shells() {
    let mut failed = Vec::new();
    let mut played = 0;
    for dialect in [Dialect::Dash, Dialect::Ash, Dialect::Bash] {
        let only = std::env::var("ONLY").ok();
        for script in COMMON.iter().filter(|script| only.as_ref().is_none_or(|only| script.contains(only.as_str()))) {
            let Some(real) = real(dialect, script) else { continue };
            // busybox of Debian finds the other tools of the system first; its own are compared by hand.
            played += 1;
            let ours = ours(dialect, script);
            let tools = dialect == Dialect::Ash
                && ours.stderr != real.stderr
                && ours.stdout == real.stdout
                && ours.code == real.code
                && script.contains("nosuch;");
            let known = KNOWN.iter().any(|(text, of, _)| text == script && *of == dialect);
            if (ours != real && !tools) != known {
                failed.push(format!("{dialect:?}: {script:?}\n   real {real:?}\n   ours {ours:?}"));
            }
        }
    }
    assert!(failed.is_empty(), "{} of {played} differ:\n{}", failed.len(), failed.join("\n"));
}
