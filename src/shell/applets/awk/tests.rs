//! Programs that people write, with what mawk and busybox print for them.

use crate::shell::machine::{Machine, MachineConfig, SpawnOptions, Stdio, Stream};
use crate::shell::program::NoHost;
use crate::sim::Time;

fn run(script: &str) -> (String, i32) {
    let mut machine = Machine::new(MachineConfig::default());
    let argv = ["sh", "-c", script].map(str::to_owned);
    let pid = machine.spawn(&argv, Stdio::Capture { input: false }, SpawnOptions::default()).unwrap();
    let mut now = Time::from_seconds(1);
    for _ in 0..10_000 {
        if machine.exit_status(pid).is_some() {
            break;
        }
        now = machine.run(now, &mut NoHost, 100_000).next.unwrap_or(now);
    }
    let chunks = machine.take_output(pid);
    let text = chunks.iter().filter(|chunk| chunk.stream == Stream::Stdout).flat_map(|chunk| chunk.bytes.clone());
    (String::from_utf8(text.collect()).unwrap(), machine.exit_status(pid).map_or(-1, |status| status.code()))
}

#[test]
fn programs_print_what_awk_prints() {
    let cases = [
        ("a field", "echo 'a b c' | awk '{print $2}'", "b\n"),
        ("the last field", "echo 'a b c' | awk '{print $NF, $(NF-1)}'", "c b\n"),
        ("a sum", "printf '1\\n2\\n3.5\\n' | awk '{s+=$1} END {print s, s/NR}'", "6.5 2.16667\n"),
        ("a pattern", "printf 'ab\\ncd\\n' | awk '/b/'", "ab\n"),
        ("a negated pattern", "printf 'ab\\ncd\\n' | awk '!/b/ {print NR\": \"$0}'", "2: cd\n"),
        ("a range", "seq 5 | awk '/2/,/4/'", "2\n3\n4\n"),
        ("a range that begins and ends in one line", "seq 5 | awk '/2/,/2/'", "2\n"),
        ("a separator", "echo a:b:c | awk -F: '{print $3}'", "c\n"),
        ("a separator that is an expression", "echo a12b3c | awk -F'[0-9]+' '{print $3}'", "c\n"),
        ("an output separator", "echo a b | awk -v OFS=- '{$1=$1; print}'", "a-b\n"),
        ("a variable", "awk -v n=3 'BEGIN {print n*2}'", "6\n"),
        ("lines seen once", "printf 'a\\nb\\na\\n' | awk '!seen[$0]++'", "a\nb\n"),
        ("counts", "printf 'a\\nb\\na\\n' | awk '{n[$1]++} END {print n[\"a\"], n[\"b\"], length(n)}'", "2 1 2\n"),
        ("a loop", "awk 'BEGIN {for (i=1;i<=3;i++) printf \"%d \", i; print \"\"}'", "1 2 3 \n"),
        ("a loop over keys", "awk 'BEGIN {a[3];a[1];a[2]; for (k in a) print k}'", "1\n2\n3\n"),
        ("break and continue", "awk 'BEGIN {while (1) {i++; if (i==2) continue; if (i>3) break; print i}}'", "1\n3\n"),
        ("do", "awk 'BEGIN {do {print i++} while (i<2)}'", "0\n1\n"),
        (
            "break out of a loop over keys",
            "awk 'BEGIN {a[1];a[2]; for (k in a) {print k; break} print \"x\"}'",
            "1\nx\n",
        ),
        ("if and else", "seq 3 | awk '{if ($1%2) print \"odd\"; else print \"even\"}'", "odd\neven\nodd\n"),
        ("a choice", "awk 'BEGIN {print 1>2 ? \"a\" : \"b\"}' ; cat 2 2>/dev/null", ""),
        ("a choice in parentheses", "awk 'BEGIN {print (1>2) ? \"a\" : \"b\"}'", "b\n"),
        (
            "printf",
            "awk 'BEGIN {printf \"%5.2f|%-5s|%05d|%x|%c|%e\\n\", 3.14159, \"ab\", 42, 255, 65, 12345.678}'",
            " 3.14|ab   |00042|ff|A|1.234568e+04\n",
        ),
        (
            "numbers",
            "awk 'BEGIN {print 1e6, 1000000*10, 0.1+0.2, 1/3, 100000000000, -0}'",
            "1000000 10000000 0.3 0.333333 100000000000 0\n",
        ),
        ("power and remainder", "awk 'BEGIN {print 2^10, 2**3, -2^2, 7%3, -7%3}'", "1024 8 -4 1 -1\n"),
        ("texts beside one another", "awk 'BEGIN {x=\"a\"; print x \"b\" 1+2 \"c\"}'", "ab3c\n"),
        (
            "substr",
            "awk 'BEGIN {print substr(\"hello\",2,3), substr(\"hello\",0,2), substr(\"hello\",4)}'",
            "ell he lo\n",
        ),
        (
            "index, length, case",
            "awk 'BEGIN {print index(\"foobar\",\"bar\"), length(\"abc\"), toupper(\"ab\"), tolower(\"AB\")}'",
            "4 3 AB ab\n",
        ),
        ("split", "awk 'BEGIN {n=split(\"a,b,c\",p,\",\"); print n, p[1], p[3]}'", "3 a c\n"),
        (
            "sub and gsub",
            "echo foofoo | awk '{sub(/o+/,\"[&]\"); print; gsub(\"o\",\"0\"); print}'",
            "f[oo]foo\nf[00]f00\n",
        ),
        ("gsub counts, on a field", "echo 'aa ba' | awk '{n=gsub(/a/,\"x\",$2); print n, $0}'", "1 aa bx\n"),
        ("match", "awk 'BEGIN {print match(\"xxabc\",/a.c/), RSTART, RLENGTH}'", "3 3 3\n"),
        ("sprintf", "awk 'BEGIN {s=sprintf(\"%03d\",7); print s s}'", "007007\n"),
        ("a function", "awk 'function f(n) {return n<2?1:n*f(n-1)} BEGIN {print f(10)}'", "3628800\n"),
        ("an array by reference", "awk 'function fill(a) {a[1]=\"x\"} BEGIN {fill(z); print z[1]}'", "x\n"),
        ("two keys", "awk 'BEGIN {a[1,2]=3; if ((1,2) in a) print a[1,2]; delete a[1,2]; print length(a)}'", "3\n0\n"),
        ("comparison of input is numeric", "printf '10\\n9\\n' | awk '$1>9'", "10\n"),
        ("comparison of texts", "awk 'BEGIN {print (\"10\"<\"9\"), (10<9)}'", "1 0\n"),
        ("a match against a text", "awk 'BEGIN {p=\"^a.\"; print (\"abc\" ~ p), (\"xbc\" !~ p)}'", "1 1\n"),
        ("exit", "seq 5 | awk '$1==3 {exit} {print} END {print \"end\"}'", "1\n2\nend\n"),
        ("next", "seq 3 | awk '$1==2 {next} {print}'", "1\n3\n"),
        ("getline", "seq 4 | awk 'NR==1 {getline; print} /3/ {getline x; print $0, x}'", "2\n3 4\n"),
        (
            "a line of a file",
            "echo one > /tmp/f; awk 'BEGIN {while ((getline l < \"/tmp/f\") > 0) print \"<\" l \">\"}'",
            "<one>\n",
        ),
        ("output to a file", "awk 'BEGIN {print \"a\" > \"/tmp/o\"; print \"b\" > \"/tmp/o\"}'; cat /tmp/o", "a\nb\n"),
        ("the environment", "X=5 awk 'BEGIN {print ENVIRON[\"X\"]+1}'", "6\n"),
        ("arguments", "awk 'BEGIN {print ARGC, ARGV[1]}' x", "2 x\n"),
        ("an assignment as a file", "echo a | awk '{print v $0}' v=1 -", "1a\n"),
        ("lines and comments", "awk 'BEGIN {\n  # nothing\n  x = 1;\n  y = x \\\n    + 1\n  print y }'", "2\n"),
        ("NF cut", "echo 'a b c d' | awk '{NF=2; print}'", "a b\n"),
        ("NF within a rule", "printf 'a\\n\\nb c\\n' | awk 'NF {print NF}'", "1\n2\n"),
        (
            "file names and counts",
            "echo a>/tmp/a; echo b>/tmp/b; awk '{print FILENAME, FNR, NR}' /tmp/a /tmp/b",
            "/tmp/a 1 1\n/tmp/b 1 2\n",
        ),
        ("concatenated comparison", "awk 'BEGIN { print 1==1, \"a\"\"b\" == \"ab\" }'", "1 1\n"),
        ("unset", "awk 'BEGIN {print x+0, \"[\" x \"]\", length(x)}'", "0 [] 0\n"),
        ("increments", "awk 'BEGIN {i=5; print i++, ++i, i--, --i}'", "5 7 7 5\n"),
        ("assignments", "awk 'BEGIN {a=10; a+=5; a-=3; a*=2; a/=4; a%=4; a^=3; print a}'", "8\n"),
        ("logic", "awk 'BEGIN {print 1&&0, 1||0, !1, !0, \"\" || \"x\"}'", "0 1 0 1 1\n"),
    ];
    for (name, script, want) in cases {
        assert_eq!(run(script).0, want, "{name}: {script}");
    }
}

#[test]
fn a_program_ends_with_its_code_and_says_what_is_wrong() {
    assert_eq!(run("awk 'BEGIN {exit 3}'").1, 3);
    assert_eq!(run("awk 'BEGIN {exit 3} END {exit}'").1, 3);
    assert_eq!(run("awk 'BEGIN {print 1/0}' 2>&1"), ("awk: cmd. line:1: Division by zero\n".to_owned(), 2));
    assert_eq!(run("awk '{print' 2>&1").1, 1);
    assert_eq!(run("awk '{print}' /nowhere 2>&1"), ("awk: /nowhere: No such file or directory\n".to_owned(), 2));
    assert_eq!(run("awk 2>&1").1, 1);
}

#[test]
fn a_program_without_end_does_not_hold_up_the_machine() {
    let mut machine = Machine::new(MachineConfig::default());
    let argv = ["awk", "BEGIN {while (1) x++}"].map(str::to_owned);
    let pid = machine.spawn(&argv, Stdio::Null, SpawnOptions::default()).unwrap();
    let outcome = machine.run(Time::from_seconds(1), &mut NoHost, 10_000);
    assert!(outcome.next.is_some() && machine.exit_status(pid).is_none());
}
