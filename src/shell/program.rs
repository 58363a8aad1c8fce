//! What a program is and what it may ask of the machine that runs it.
//!
//! A program is a value: it can be cloned, so a machine in the middle of a command can be kept, rewound and
//! continued. It never blocks; it says what it waits for and is resumed when that may have come.

use std::fmt::Debug;

use crate::sim::Time;
use crate::text::http::{Request, Response, StreamId, StreamRead};

/// A running program: `kubectl`, an editor, an applet.
pub trait Program: Send + Sync {
    /// Runs until the program has to wait, has used its slice or ends.
    fn resume(&mut self, system: &mut dyn System) -> Step;
    /// A copy that goes on from the same point.
    fn clone_box(&self) -> Box<dyn Program>;
    /// Roughly the bytes it holds, or says it holds.
    fn memory(&self) -> u64 {
        1_000
    }
    /// Answers an HTTP request that came to a port it listens on (see `System::listen`).
    fn serve(&mut self, _request: &Request, _system: &mut dyn System) -> Option<Response> {
        None
    }
}

/// Its name alone: the state of all of them would be shipped with the page.
impl std::fmt::Debug for dyn Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Program")
    }
}

impl Clone for Box<dyn Program> {
    fn clone(&self) -> Self {
        self.clone_box()
    }
}

/// Why `resume` came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The slice is used up; go on when the machine has time again.
    Yield,
    /// Nothing to do before one of these happens. A signal always wakes.
    Wait(Wait),
    /// The end, with the exit code (0 to 255).
    Exit(i32),
}

/// What wakes a waiting program: whatever comes first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wait {
    /// This instant.
    pub until: Option<Time>,
    /// This descriptor can be read.
    pub readable: Option<Fd>,
    /// This descriptor can be written.
    pub writable: Option<Fd>,
    /// Any open HTTP stream may have something new.
    pub streams: bool,
    /// This child has ended.
    pub child: Option<Pid>,
}

/// A file descriptor: 0 standard input, 1 standard output, 2 standard error.
pub type Fd = i32;

/// A process id.
pub type Pid = u32;

/// The signals a machine knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i32)]
pub enum Signal {
    /// The terminal went away.
    Hup = 1,
    /// Ctrl-C.
    Int = 2,
    /// Ctrl-\.
    Quit = 3,
    /// Cannot be caught.
    Kill = 9,
    /// The reader of a pipe went away.
    Pipe = 13,
    /// A timer.
    Alrm = 14,
    /// A polite request to end.
    Term = 15,
    /// A child ended.
    Chld = 17,
    /// For the program's own use.
    Usr1 = 10,
    /// For the program's own use.
    Usr2 = 12,
    /// Ctrl-Z and its kind; recorded, not acted on.
    Tstp = 20,
    /// The window changed its size.
    Winch = 28,
}

/// What reading a descriptor gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// Some bytes.
    Data(Vec<u8>),
    /// Nothing yet: return `Step::Wait` with `readable`.
    WouldBlock,
    /// The end of the input.
    Eof,
}

/// Why a file or descriptor operation failed, in errno's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errno {
    /// No such file or directory.
    Enoent,
    /// Not a directory.
    Enotdir,
    /// Is a directory.
    Eisdir,
    /// File exists.
    Eexist,
    /// Directory not empty.
    Enotempty,
    /// Permission denied.
    Eacces,
    /// Read-only file system.
    Erofs,
    /// No space left on device.
    Enospc,
    /// Too many levels of symbolic links.
    Eloop,
    /// Bad file descriptor.
    Ebadf,
    /// The pipe has no reader; the program has also been sent `Signal::Pipe`.
    Epipe,
    /// Invalid argument.
    Einval,
    /// Try again: return `Step::Wait` with `writable`.
    Eagain,
    /// No such process.
    Esrch,
    /// Operation not permitted.
    Eperm,
    /// File name too long.
    Enametoolong,
    /// No such device or address, or nothing that runs under this name.
    Enoexec,
}

impl Errno {
    /// The text that `strerror` of a Linux C library gives.
    pub const fn message(self) -> &'static str {
        match self {
            Errno::Enoent => "No such file or directory",
            Errno::Enotdir => "Not a directory",
            Errno::Eisdir => "Is a directory",
            Errno::Eexist => "File exists",
            Errno::Enotempty => "Directory not empty",
            Errno::Eacces => "Permission denied",
            Errno::Erofs => "Read-only file system",
            Errno::Enospc => "No space left on device",
            Errno::Eloop => "Too many levels of symbolic links",
            Errno::Ebadf => "Bad file descriptor",
            Errno::Epipe => "Broken pipe",
            Errno::Einval => "Invalid argument",
            Errno::Eagain => "Resource temporarily unavailable",
            Errno::Esrch => "No such process",
            Errno::Eperm => "Operation not permitted",
            Errno::Enametoolong => "File name too long",
            Errno::Enoexec => "Exec format error",
        }
    }
}

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileInfo {
    /// The last part of the path.
    pub name: String,
    /// Whether it is a directory.
    pub is_dir: bool,
    /// Length in bytes; 0 for a directory.
    pub size: u64,
    /// Permission bits, such as 0o644.
    pub mode: u32,
    /// When its content last changed.
    pub modified: Time,
}

/// What a program may ask of its machine. Paths are relative to the program's working directory unless they start
/// with `/`.
pub trait System {
    /// The present instant of virtual time.
    fn now(&self) -> Time;
    /// A random number of the machine's own sequence.
    fn random(&mut self) -> u32;
    /// An environment variable.
    fn env(&self, name: &str) -> Option<String>;
    /// All environment variables, by name.
    fn environment(&self) -> Vec<(String, String)>;
    /// The working directory, absolute.
    fn cwd(&self) -> String;
    /// Reads up to `max` bytes.
    fn read(&mut self, fd: Fd, max: usize) -> Result<Read, Errno>;
    /// Writes bytes and says how many were taken. A terminal and a file take all; a full pipe answers `Eagain`.
    fn write(&mut self, fd: Fd, bytes: &[u8]) -> Result<usize, Errno>;
    /// The next signal sent to this program, if it has asked to handle signals by calling this at least once.
    /// Until a program calls it, signals have their default effect.
    fn take_signal(&mut self) -> Option<Signal>;
    /// Whether the descriptor is the terminal.
    fn is_terminal(&self, fd: Fd) -> bool;
    /// Columns and rows of the terminal; 80 and 24 without one.
    fn window(&self) -> (u16, u16);
    /// Raw mode: keys arrive one by one and unechoed, Ctrl-C arrives as byte 3. It ends with the program.
    fn set_raw(&mut self, raw: bool);
    /// Reads a whole file.
    fn read_file(&self, path: &str) -> Result<Vec<u8>, Errno>;
    /// Creates or replaces a file.
    fn write_file(&mut self, path: &str, content: &[u8]) -> Result<(), Errno>;
    /// Removes a file.
    fn remove_file(&mut self, path: &str) -> Result<(), Errno>;
    /// Creates a directory, and its parents when `parents` is set.
    fn create_dir(&mut self, path: &str, parents: bool) -> Result<(), Errno>;
    /// What stands at a path.
    fn file_info(&self, path: &str) -> Result<FileInfo, Errno>;
    /// The entries of a directory, by name.
    fn read_dir(&self, path: &str) -> Result<Vec<FileInfo>, Errno>;
    /// Starts another program with the same terminal, environment and directory; wait for it with `Wait::child`.
    fn spawn(&mut self, argv: &[String]) -> Result<Pid, Errno>;
    /// The exit code of a child that has ended.
    fn exit_code(&self, child: Pid) -> Option<i32>;
    /// The world outside of the machine.
    fn host(&mut self) -> &mut dyn Host;
    /// Sends a request to `host:port`: to a program of this machine, or wherever the host's network leads.
    ///
    /// # Errors
    /// The words of a failed connection.
    fn send(&mut self, authority: &str, request: Request) -> Result<Response, String> {
        self.host().send(authority, request)
    }
    /// Listens for HTTP on a port: requests come to `Program::serve`.
    ///
    /// # Errors
    /// `EEXIST` when another process has the port; `EINVAL` where nothing can listen.
    fn listen(&mut self, _port: u16) -> Result<(), Errno> {
        Err(Errno::Einval)
    }
}

/// A world that answers nothing: for machines without a network, and tests.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoHost;

impl Host for NoHost {
    fn send(&mut self, authority: &str, _request: Request) -> Result<Response, String> {
        let name = authority.rsplit_once(':').map_or(authority, |(name, _)| name);
        Err(format!("dial tcp: lookup {name}: no such host"))
    }
    fn read_stream(&mut self, _stream: StreamId) -> StreamRead {
        StreamRead::End
    }
    fn write_stream(&mut self, _stream: StreamId, _message: &[u8]) {}
    fn close_stream(&mut self, _stream: StreamId) {}
}

/// What is done to a service of another machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceAction {
    /// Nothing.
    Look,
    /// It is started unless it runs.
    Start,
    /// It is stopped if it runs.
    Stop,
}

/// How a service of another machine stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceState {
    /// Whether it runs.
    pub active: bool,
    /// Since when it does, or does not.
    pub since: Time,
}

/// The world outside of a machine: whatever answers HTTP there.
pub trait Host {
    /// Sends a request to `authority` (`host:port`, as in a URL) and gives the answer at once.
    ///
    /// # Errors
    /// The words of a failed connection, such as `dial tcp 127.0.0.1:9: connect: connection refused`.
    fn send(&mut self, authority: &str, request: Request) -> Result<Response, String>;
    /// The addresses of a name.
    ///
    /// # Errors
    /// The words of a resolver, such as `lookup web: no such host`.
    fn lookup(&mut self, name: &str) -> Result<Vec<String>, String> {
        Err(format!("lookup {name}: no such host"))
    }
    /// Where a connection to `address:port` ends: itself, or what stands behind a Service's address.
    ///
    /// # Errors
    /// The words of a failed connection.
    fn route(&mut self, authority: &str) -> Result<String, String> {
        Ok(authority.to_owned())
    }
    /// Whether packets from one address reach a port of another.
    ///
    /// # Errors
    /// The words of a connection that nobody answers.
    fn permits(&mut self, _from: &str, _authority: &str) -> Result<(), String> {
        Ok(())
    }
    /// Opens a connection to `address:port` and closes it.
    ///
    /// # Errors
    /// The words of a failed connection.
    fn connect(&mut self, authority: &str) -> Result<(), String> {
        Err(format!("dial tcp {authority}: connect: connection refused"))
    }
    /// The machine of that name or address: its own name, and whether it is on.
    fn machine(&mut self, _name: &str) -> Option<(String, bool)> {
        None
    }
    /// The kubelet of a machine; `None` when there is none.
    fn kubelet(&mut self, _machine: &str, _action: ServiceAction) -> Option<ServiceState> {
        None
    }
    /// Reads what a stream has.
    fn read_stream(&mut self, stream: StreamId) -> StreamRead;
    /// Writes one message to a stream (exec and attach).
    fn write_stream(&mut self, stream: StreamId, message: &[u8]);
    /// Ends a stream from the client's side.
    fn close_stream(&mut self, stream: StreamId);
}
