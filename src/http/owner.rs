//! The one thread that owns the cluster: it answers what the connections ask, and moves virtual time by real time.

#![allow(clippy::disallowed_methods, reason = "here real time becomes virtual time")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc as blocking;
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::{oneshot, watch};

use crate::apimachinery::facts::Prose;
use crate::cluster::{Cluster, Config};
use crate::sim::Time;
use crate::text::http::{Request, Response, StreamId, StreamRead};

/// How much work is done between two looks at what the connections ask.
const BUDGET: u64 = 2_000;
/// The longest wait between two looks at the clock.
const TICK: Duration = Duration::from_millis(20);
/// A cluster that stands still for longer (a suspended machine) does not run to catch up.
const LONGEST_STEP: Duration = Duration::from_secs(5);

/// What a connection to a cluster that is shut down says.
const GONE: &str = "the server is shutting down";

/// A cluster to serve.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What it is made of.
    pub config: Config,
    /// Virtual seconds for each real one; 0 when time moves only as [`Owner::advance`] says.
    pub speed: f64,
    /// How long the cluster has run when the first request comes.
    pub warm_up: Duration,
    /// The texts of `kubectl explain`, if there are any.
    pub prose: Option<Arc<Prose>>,
}

enum Question {
    Handle(Box<Request>, oneshot::Sender<Response>),
    Read(StreamId, oneshot::Sender<StreamRead>),
    Write(StreamId, Vec<u8>),
    Close(StreamId),
    Dial(StreamId, u16, oneshot::Sender<Result<String, String>>),
    Forward(StreamId, (String, u16), Box<Request>, oneshot::Sender<Result<Response, String>>),
    Advance(Duration, oneshot::Sender<()>),
    OpenStreams(oneshot::Sender<usize>),
}

/// How connections reach the cluster. A clone reaches the same one.
#[derive(Clone, Debug)]
pub struct Owner {
    questions: blocking::Sender<Question>,
    changes: watch::Receiver<u64>,
    requests: Arc<AtomicU64>,
    answers: Arc<AtomicU64>,
    sent: Arc<AtomicU64>,
}

impl Owner {
    /// Starts a cluster on a thread of its own; the thread ends with the last `Owner`.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn start(settings: Settings) -> std::io::Result<Self> {
        let (questions, inbox) = blocking::channel();
        let (changed, changes) = watch::channel(0);
        thread::Builder::new().name("cluster".to_owned()).spawn(move || run(&settings, &inbox, &changed))?;
        Ok(Self { questions, changes, requests: Arc::default(), answers: Arc::default(), sent: Arc::default() })
    }

    /// Answers a request; `None` when the cluster is gone.
    pub async fn handle(&self, request: Request) -> Option<Response> {
        let (sender, receiver) = oneshot::channel();
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.questions.send(Question::Handle(Box::new(request), sender)).ok()?;
        let response = receiver.await.ok();
        self.answers.fetch_add(1, Ordering::Relaxed);
        response
    }

    /// How many requests have come, and how many of them have been answered.
    pub fn requests(&self) -> (u64, u64) {
        (self.requests.load(Ordering::Relaxed), self.answers.load(Ordering::Relaxed))
    }

    /// Reads a stream.
    pub async fn read(&self, id: StreamId) -> Option<StreamRead> {
        let (sender, receiver) = oneshot::channel();
        self.questions.send(Question::Read(id, sender)).ok()?;
        let read = receiver.await.ok();
        if let Some(StreamRead::Data(bytes)) = &read {
            self.sent.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        }
        read
    }

    /// How many bytes have left the streams, on their way to clients or waiting for them.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Writes one message to a stream.
    pub fn write(&self, id: StreamId, message: Vec<u8>) {
        let _ = self.questions.send(Question::Write(id, message));
    }

    /// Ends a stream.
    pub fn close(&self, id: StreamId) {
        let _ = self.questions.send(Question::Close(id));
    }

    /// Connects to a port over a stream that forwards ports; gives the Pod's address.
    ///
    /// # Errors
    /// The runtime's words, or that the cluster is gone.
    pub async fn dial(&self, id: StreamId, port: u16) -> Result<String, String> {
        let (sender, receiver) = oneshot::channel();
        let _ = self.questions.send(Question::Dial(id, port, sender));
        receiver.await.unwrap_or_else(|_| Err(GONE.to_owned()))
    }

    /// Has what listens on a port of a Pod's address answer a request, over a stream that forwards ports.
    ///
    /// # Errors
    /// Why no answer came.
    pub async fn forward(&self, id: StreamId, to: (String, u16), request: Request) -> Result<Response, String> {
        let (sender, receiver) = oneshot::channel();
        let _ = self.questions.send(Question::Forward(id, to, Box::new(request), sender));
        receiver.await.unwrap_or_else(|_| Err(GONE.to_owned()))
    }

    /// How many streams are open: watches, followed logs, sessions.
    pub async fn open_streams(&self) -> usize {
        let (sender, receiver) = oneshot::channel();
        let asked = self.questions.send(Question::OpenStreams(sender));
        if asked.is_ok() { receiver.await.unwrap_or_default() } else { 0 }
    }

    /// Moves virtual time on by so much, besides what real time moves it; done when all that is due has happened.
    pub async fn advance(&self, by: Duration) {
        let (sender, receiver) = oneshot::channel();
        if self.questions.send(Question::Advance(by, sender)).is_ok() {
            let _ = receiver.await;
        }
    }

    /// Tells when something in the cluster has changed.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.clone()
    }
}

fn run(settings: &Settings, inbox: &blocking::Receiver<Question>, changed: &watch::Sender<u64>) {
    let mut cluster = Cluster::new(&settings.config);
    if let Some(prose) = &settings.prose {
        cluster.set_prose(prose.clone());
    }
    let mut target = settings.config.start + settings.warm_up;
    cluster.advance_to(target, u64::MAX);
    // Whoever comes finds a cluster that has been up for longer than Events are kept.
    cluster.expire_events();
    let mut looked = Instant::now();
    loop {
        let elapsed = looked.elapsed().min(LONGEST_STEP);
        looked = Instant::now();
        target += elapsed.mul_f64(settings.speed);
        let behind = cluster.advance_to(target, BUDGET).spinning.is_some();
        if behind {
            // What could not be done in time is not done faster later.
            target = cluster.now();
        }
        publish(&cluster, changed);
        let wait = if behind { Duration::ZERO } else { until_due(&mut cluster, target, settings.speed) };
        match inbox.recv_timeout(wait) {
            Ok(question) => {
                answer(&mut cluster, &mut target, question);
                // Whatever else has come meanwhile is answered at the same instant.
                while let Ok(question) = inbox.try_recv() {
                    answer(&mut cluster, &mut target, question);
                }
                publish(&cluster, changed);
            }
            Err(blocking::RecvTimeoutError::Timeout) => {}
            Err(blocking::RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn until_due(cluster: &mut Cluster, now: Time, speed: f64) -> Duration {
    match cluster.next_due() {
        Some(due) => due.since(now).div_f64(speed.max(0.001)).clamp(Duration::from_millis(1), TICK),
        None => TICK,
    }
}

fn publish(cluster: &Cluster, changed: &watch::Sender<u64>) {
    let revision = cluster.revision();
    changed.send_if_modified(|seen| std::mem::replace(seen, revision) != revision);
}

fn answer(cluster: &mut Cluster, target: &mut Time, question: Question) {
    match question {
        Question::Handle(request, reply) => {
            let response = cluster.handle(&request);
            // A client that has gone leaves its stream behind.
            if let Err(response) = reply.send(response)
                && let crate::text::http::Body::Stream(id) = response.body
            {
                cluster.close_stream(id);
            }
        }
        Question::Read(id, reply) => {
            let _ = reply.send(cluster.read_stream(id));
        }
        Question::Write(id, message) => cluster.write_stream(id, &message),
        Question::Close(id) => cluster.close_stream(id),
        Question::Dial(id, port, reply) => {
            let _ = reply.send(cluster.dial(id, port));
        }
        Question::Forward(id, (address, port), request, reply) => {
            let _ = reply.send(cluster.forward(id, (&address, port), &request));
        }
        Question::OpenStreams(reply) => {
            let _ = reply.send(cluster.server().open_streams());
        }
        Question::Advance(by, reply) => {
            *target += by;
            cluster.advance_to(*target, u64::MAX);
            let _ = reply.send(());
        }
    }
}
