//! What is known of this machine and of who works on it: `hostname`, `uname`, `whoami`, `id`, `nproc`, `free`, `df`.

use crate::shell::applets::files::{account, options};
use crate::shell::program::System;

applet!(hostname, |args, kernel, out| {
    match args.get(1).map(String::as_str) {
        Some("-i" | "-I") => {
            let hosts = kernel.read_file("/etc/hosts").unwrap_or_default();
            let text = String::from_utf8_lossy(&hosts).into_owned();
            let name = kernel.hostname().to_owned();
            let ip = text
                .lines()
                .rev()
                .find(|line| line.split_whitespace().skip(1).any(|word| word == name))
                .and_then(|line| line.split_whitespace().next());
            out.out(&format!("{}\n", ip.unwrap_or("127.0.0.1")));
        }
        Some(flag) if flag.starts_with('-') => out.out(&format!("{}\n", kernel.hostname())),
        Some(name) if kernel.user().0 == 0 => kernel.set_hostname(name),
        Some(_) => {
            out.err("hostname: you must be root to change the host name\n");
            return 1;
        }
        None => out.out(&format!("{}\n", kernel.hostname())),
    }
    0
});

applet!(uname, |args, kernel, out| {
    let Some(options) = options(args, "asnrvmpio", "", kernel, out) else { return 1 };
    let all = [
        ('s', "Linux".to_owned()),
        ('n', kernel.hostname().to_owned()),
        ('r', "6.1.0".into()),
        ('v', "#1 SMP".into()),
        ('m', "x86_64".into()),
        ('o', "GNU/Linux".into()),
    ];
    let chosen: Vec<String> = all
        .iter()
        .filter(|(letter, _)| options.has('a') || options.has(*letter))
        .map(|(_, text)| text.clone())
        .collect();
    out.out(&format!("{}\n", if chosen.is_empty() { "Linux".into() } else { chosen.join(" ") }));
    0
});

applet!(whoami, |_, kernel, out| {
    out.out(&format!("{}\n", account(kernel, "/etc/passwd", kernel.user().0)));
    0
});

applet!(id, |args, kernel, out| {
    let (uid, gid) = kernel.user();
    let (user, group) = (account(kernel, "/etc/passwd", uid), account(kernel, "/etc/group", gid));
    let named = args.iter().any(|word| word.starts_with('-') && word.contains('n'));
    let text = match args.get(1).and_then(|word| word.chars().nth(1)) {
        Some('u') => {
            if named {
                user
            } else {
                uid.to_string()
            }
        }
        Some('g' | 'G') => {
            if named {
                group
            } else {
                gid.to_string()
            }
        }
        _ => format!("uid={uid}({user}) gid={gid}({group}) groups={gid}({group})"),
    };
    out.out(&format!("{text}\n"));
    0
});

applet!(nproc, |_, _, out| {
    out.out("2\n");
    0
});

applet!(free, |args, _, out| {
    let unit: u64 = if args.iter().any(|word| word == "-m") { 1024 } else { 1 };
    out.out("               total        used        free      shared  buff/cache   available\n");
    let [total, used, free, shared, cache, available] =
        [2_097_152, 262_144, 1_572_864, 1_024, 262_144, 1_835_008].map(|kib| kib / unit);
    out.out(&format!("Mem:    {total:>12}{used:>12}{free:>12}{shared:>12}{cache:>12}{available:>12}\nSwap:   {0:>12}{0:>12}{0:>12}\n", 0));
    0
});

applet!(df, |args, kernel, out| {
    let human = args.iter().any(|word| word == "-h");
    let used = kernel.vfs().used() / 1024;
    let show = |kib: u64| if human { crate::shell::applets::files::human(kib * 1024) } else { kib.to_string() };
    out.out(&format!(
        "Filesystem     {:>12} {:>10} {:>10} Use% Mounted on\n",
        if human { "Size" } else { "1K-blocks" },
        "Used",
        "Available"
    ));
    let total = 65_536;
    out.out(&format!(
        "{:<14} {:>12} {:>10} {:>10} {:>3}% /\n",
        "overlay",
        show(total),
        show(used),
        show(total.saturating_sub(used)),
        used * 100 / total
    ));
    for (path, _) in kernel.vfs().mount_points() {
        out.out(&format!("{:<14} {:>12} {:>10} {:>10} {:>3}% {path}\n", "tmpfs", show(total), show(0), show(total), 0));
    }
    0
});
