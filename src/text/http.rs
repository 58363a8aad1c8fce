//! HTTP as values: requests, responses and the ids of open streams. Sends nothing.

/// The method of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Read one or many, or open a stream.
    Get,
    /// Create.
    Post,
    /// Replace.
    Put,
    /// Change in part; `Content-Type` names the patch's form.
    Patch,
    /// Remove.
    Delete,
}

impl Method {
    /// The method as it stands in a request line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        }
    }
}

/// A request, decoded: `path` and `query` carry no percent escapes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What to do.
    pub method: Method,
    /// The path, starting with `/`, without the query.
    pub path: String,
    /// The query in the order it was written.
    pub query: Vec<(String, String)>,
    /// Headers; names are compared without case.
    pub headers: Vec<(String, String)>,
    /// The body, empty when there is none.
    pub body: Vec<u8>,
}

/// The media type of a request that is a command of redis, and of its reply: on the network here every message is a
/// request or an answer.
pub const RESP: &str = "application/resp";

/// The header that says `https` when a request is to be encrypted, as HTTP/2 names it.
pub const SCHEME: &str = ":scheme";

impl Request {
    /// A request without query, headers or body.
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), query: Vec::new(), headers: Vec::new(), body: Vec::new() }
    }

    /// The same request with one more query parameter.
    pub fn with_query(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.query.push((name.into(), value.into()));
        self
    }

    /// The same request with one more header.
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The same request with this body.
    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// The first query parameter of that name.
    pub fn query(&self, name: &str) -> Option<&str> {
        find(&self.query, |given| given == name)
    }

    /// The first header of that name, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, |given| given.eq_ignore_ascii_case(name))
    }
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Headers; names are compared without case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Body,
}

impl Response {
    /// The first header of that name, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, |given| given.eq_ignore_ascii_case(name))
    }
}

/// The body of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// All of it.
    Bytes(Vec<u8>),
    /// A stream that its owner keeps open (a watch, a followed log, an exec session): read it by its id.
    Stream(StreamId),
}

/// Names a stream that the server keeps open until it ends or the client closes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u64);

/// What reading a stream gave.
///
/// A watch gives one JSON object a line. A followed log gives raw bytes. An exec or attach session gives and takes
/// messages framed as in `v5.channel.k8s.io`: the first byte names the channel (0 stdin, 1 stdout, 2 stderr,
/// 3 error: a `Status` in JSON at the end, 4 resize, 255 closes the channel named by the next byte), and every
/// `Data` holds exactly one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamRead {
    /// Some bytes.
    Data(Vec<u8>),
    /// Nothing yet: ask again when virtual time or the cluster has moved.
    Pending,
    /// The end; the id is gone.
    End,
}

fn find(pairs: &[(String, String)], matches: impl Fn(&str) -> bool) -> Option<&str> {
    pairs.iter().find(|(name, _)| matches(name)).map(|(_, value)| value.as_str())
}
