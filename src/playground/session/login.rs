//! A learner who types one line after another at one terminal: what a line sets, the next one finds, as in the page.
//! For the proof of lessons. Draws no prompt, and takes no keys but Ctrl-C.

use std::time::Duration;

use super::{BUDGET, FAREWELL, PATIENCE, Session, text};
use crate::lesson::{Item, Objects, Outcome, Rehearsal, Trial};
use crate::shell::LineState;
use crate::shell::machine::{SpawnOptions, TtyId};
use crate::shell::program::{Pid, Signal};

/// The window of the terminal that a page opens: columns and rows.
const WINDOW: (u16, u16) = (80, 24);

/// A session with a shell that stays.
#[derive(Clone, Debug)]
pub struct Login {
    session: Session,
    tty: TtyId,
    shell: Option<Pid>,
}

impl Login {
    /// Opens a terminal in this session.
    pub fn new(mut session: Session) -> Self {
        let tty = session.lab.machine.add_terminal(WINDOW.0, WINDOW.1);
        Self { session, tty, shell: None }
    }

    /// The shell; a new one when there is none yet, or the last one has been left.
    fn shell(&mut self) -> Option<Pid> {
        if self.shell.is_none() {
            self.shell = self.session.lab.machine.start_shell(self.tty, SpawnOptions::default()).ok();
            self.session.lab.touch();
            self.session.lab.settle(BUDGET);
            let _ = self.enter(self.shell?, "[ -f ~/.bashrc ] && . ~/.bashrc", PATIENCE);
        }
        self.shell
    }

    /// Runs a line in the shell. How it ended, or that it goes on over a line that never came.
    fn enter(&mut self, shell: Pid, line: &str, patience: Duration) -> Result<i32, &'static str> {
        if self.session.lab.machine.enter_line(shell, line) == LineState::More {
            self.session.lab.machine.abandon_line(shell);
            return Err("bash: syntax error: unexpected end of file\n");
        }
        self.session.lab.touch();
        if !self.wait(shell, patience) {
            self.interrupt(shell);
        }
        let machine = &mut self.session.lab.machine;
        let Some(ended) = machine.exit_status(shell) else {
            return Ok(machine.shell(shell).map_or(137, |shell| shell.last_status()));
        };
        machine.forget(shell);
        self.shell = None;
        Ok(ended.code())
    }

    /// Goes on until the shell wants another line or is gone; false when `patience` ran out first.
    fn wait(&mut self, shell: Pid, patience: Duration) -> bool {
        self.session.go_on(patience, |lab| lab.machine.wants_line(shell) || lab.machine.exit_status(shell).is_some())
    }

    /// Ctrl-C; when that does not help, the shell is killed with all that runs in it.
    fn interrupt(&mut self, shell: Pid) {
        for signal in [Signal::Int, Signal::Kill] {
            self.session.lab.machine.signal_foreground(self.tty, signal);
            self.session.lab.touch();
            if self.wait(shell, FAREWELL) {
                return;
            }
        }
        self.session.end(shell);
    }
}

impl Objects for Login {
    fn list(&self, resource: &str, namespace: Option<&str>) -> Vec<Box<dyn Item>> {
        self.session.list(resource, namespace)
    }
    fn seconds(&self) -> f64 {
        self.session.seconds()
    }
    fn copy(&self) -> Box<dyn Trial> {
        self.session.copy()
    }
}

impl Trial for Login {
    fn run(&mut self, line: &str, limit: f64) -> Outcome {
        let patience = Duration::try_from_secs_f64(limit).unwrap_or(PATIENCE);
        let ended = match self.shell() {
            Some(shell) => self.enter(shell, line, patience),
            None => Err("bash: cannot be started\n"),
        };
        // A terminal shows both streams in one; nobody can tell them apart any more.
        let chunks = self.session.lab.machine.take_terminal_output(self.tty);
        let mut printed: String = chunks.iter().map(|chunk| text(&chunk.bytes)).collect();
        let exit = ended.unwrap_or_else(|complaint| {
            printed.push_str(complaint);
            2
        });
        Outcome { stdout: printed.clone(), stderr: printed.clone(), printed, exit }
    }
    fn advance(&mut self, seconds: f64) {
        Trial::advance(&mut self.session, seconds);
    }
}

impl Rehearsal for Login {
    fn write(&mut self, name: &str, content: &str) -> Result<(), String> {
        self.session.write(name, content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login() -> Login {
        Login::new(Session::new(1))
    }

    #[test]
    fn what_a_line_sets_the_next_one_finds() {
        let mut login = login();
        let run = |login: &mut Login, line: &str| {
            let outcome = login.run(line, 60.0);
            (outcome.printed, outcome.exit)
        };
        assert_eq!(run(&mut login, "job=hello; twice() { echo $1 $1; }"), (String::new(), 0));
        assert_eq!(run(&mut login, "mkdir d && cd d && export WHO=me"), (String::new(), 0));
        assert_eq!(
            run(&mut login, "twice $job; pwd; sh -c 'echo $WHO'"),
            ("hello hello\n/home/learner/d\nme\n".to_owned(), 0)
        );
        assert_eq!(run(&mut login, "false"), (String::new(), 1));
        assert_eq!(run(&mut login, "echo $?"), ("1\n".to_owned(), 0));
        assert_eq!(run(&mut login, "k get jobs").0, "No resources found in default namespace.\n", "as `.bashrc` says");
        assert_eq!(run(&mut login, "cat <<EOF\n$job\nEOF"), ("hello\n".to_owned(), 0));
    }

    #[test]
    fn a_line_without_an_end_is_interrupted_and_the_shell_stays() {
        let mut login = login();
        login.run("name=kept", 60.0);
        let watched = login.run("kubectl get pods -w", 10.0);
        assert_eq!(watched.exit, 130, "{}", watched.printed);
        assert_eq!(login.run("while true; do :; done", 5.0).exit, 130);
        assert_eq!(login.run("echo $name", 60.0).stdout, "kept\n");
        assert_eq!(login.run("echo 'open", 60.0).exit, 2);
        assert_eq!(login.run("nano a.yaml", 5.0).exit, 137, "an editor has to be ended by hand");
        assert_eq!(login.run("echo after", 60.0).stdout, "after\n");
    }

    #[test]
    fn a_shell_that_is_left_is_followed_by_a_fresh_one() {
        let mut login = login();
        login.run("a=1", 60.0);
        assert_eq!(login.run("exit 3", 60.0).exit, 3);
        assert_eq!(login.run("echo [$a]", 60.0).stdout, "[]\n");
    }
}
