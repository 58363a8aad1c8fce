//! `ps` and `kill`.

use super::date::strftime;
use crate::shell::applets::files::account;
use crate::shell::builtins;
use crate::shell::process::Flavour;

applet!(kill, |args, kernel, out| {
    let dialect = kernel.dialect();
    builtins::jobs::send(kernel, args.get(1..).unwrap_or_default(), dialect, &|text| format!("kill: {text}\n"), out)
});

applet!(ps, |args, kernel, out| {
    let gnu = kernel.flavour() == Flavour::Gnu;
    let all = !gnu || args.iter().skip(1).any(|word| word.contains(['e', 'a', 'A', 'x']));
    let mine = kernel.user().0;
    let full = args.iter().skip(1).any(|word| word.contains(['f', 'u']));
    out.out(if !gnu {
        "PID   USER     TIME  COMMAND\n"
    } else if full {
        "UID          PID    PPID  C STIME TTY          TIME CMD\n"
    } else {
        "    PID TTY          TIME CMD\n"
    });
    for process in kernel.process_list() {
        if !all && (process.uid != mine || !process.has_terminal) {
            continue;
        }
        let seconds = process.steps / 100_000;
        let command = process.argv.join(" ");
        let name = process.argv.first().map_or("", |name| name.rsplit('/').next().unwrap_or_default()).to_owned();
        let user = account(kernel, "/etc/passwd", process.uid);
        let command = if process.zombie { format!("[{name}]") } else { command };
        let tty = if process.has_terminal { "pts/0" } else { "?" };
        out.out(&if !gnu {
            format!("{:5} {user:<8} {:2}:{:02} {command}\n", process.pid, seconds / 60, seconds % 60)
        } else if full {
            format!(
                "{user:<8} {:>7} {:>7}  0 {} {tty:<8} {:02}:{:02}:{:02} {command}\n",
                process.pid,
                process.parent,
                strftime("%H:%M", process.started).unwrap_or_default(),
                seconds / 3600,
                seconds / 60 % 60,
                seconds % 60
            )
        } else {
            format!(
                "{:>7} {tty:<8} {:02}:{:02}:{:02} {name}\n",
                process.pid,
                seconds / 3600,
                seconds / 60 % 60,
                seconds % 60
            )
        });
    }
    0
});
