//! Small programs that shells have built in too: `echo`, `printf`, `test`, `true`, `pwd`, `printenv`, `which`.

use crate::shell::builtins;
use crate::shell::process::Dialect;
use crate::shell::program::System;

applet!(printenv, |args, kernel, out| {
    let mut status = 0;
    if args.len() == 1 {
        for (name, value) in kernel.environment() {
            out.out(&format!("{name}={value}\n"));
        }
    }
    for name in args.iter().skip(1) {
        match kernel.env(name) {
            Some(value) => out.out(&format!("{value}\n")),
            None => status = 1,
        }
    }
    status
});

applet!(true_, |_, _, _| 0);

applet!(false_, |_, _, _| 1);

applet!(clear, |_, _, out| {
    out.out("\x1b[H\x1b[2J\x1b[3J");
    0
});

applet!(pwd, |_, kernel, out| {
    out.out(&format!("{}\n", kernel.cwd()));
    0
});

applet!(echo, |args, kernel, out| {
    let dialect = if kernel.dialect() == Dialect::Dash { Dialect::Bash } else { kernel.dialect() };
    out.out(&builtins::echo::text(args.get(1..).unwrap_or_default(), dialect));
    0
});

applet!(printf, |args, _, out| {
    let Some(format) = args.get(1) else {
        out.err("printf: missing operand\n");
        return 1;
    };
    let (text, problems) = builtins::printf::format_text(format, args.get(2..).unwrap_or_default());
    for problem in &problems {
        out.err(&format!("printf: ‘{problem}’: expected a numeric value\n"));
    }
    out.out(&text);
    i32::from(!problems.is_empty())
});

applet!(test, |args, kernel, out| match builtins::test::evaluate(kernel, args) {
    Ok(truth) => i32::from(!truth),
    Err(problem) => {
        let name = args.first().map_or("test", |name| name.rsplit('/').next().unwrap_or("test"));
        out.err(&format!("{name}: {}\n", builtins::test::describe(&problem, kernel.dialect())));
        2
    }
});

applet!(which, |args, kernel, out| {
    let mut status = 0;
    for name in args.iter().skip(1).filter(|word| !word.starts_with('-')) {
        match kernel.which(name, kernel.env("PATH").as_deref()) {
            Ok(path) => out.out(&format!("{path}\n")),
            Err(_) => status = 1,
        }
    }
    status
});
