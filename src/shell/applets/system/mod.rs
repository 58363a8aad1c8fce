//! Applets about the machine and its processes: date, hostname, id, ps, env, sleep, timeout, xargs, seq, yes and so on.

mod date;
mod expr;
mod facts;
mod processes;
mod sleep;
mod streams;
mod words;
mod wrappers;
mod xargs;

pub(super) use self::date::strftime;
pub use self::date::{date, uptime};
pub use self::expr::expr;
pub use self::facts::{df, free, hostname, id, nproc, uname, whoami};
pub use self::processes::{kill, ps};
pub use self::sleep::sleep;
pub use self::streams::{seq, yes};
pub use self::words::{clear, echo, false_, printenv, printf, pwd, test, true_, which};
pub use self::wrappers::{env, nice, nohup, sudo, time, timeout, watch};
pub use self::xargs::xargs;
