//! The `Status` of a failed request: one constructor per reason, each with Kubernetes' exact text.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apimachinery/pkg/api/errors/errors.go.

use serde_json::{Map, Value, json};

use super::field;

/// Why a request failed, in the words of `metav1.StatusReason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// 400: the request cannot be read.
    BadRequest,
    /// 401: who asks is not known.
    Unauthorized,
    /// 403: admission or authorisation said no.
    Forbidden,
    /// 404: no such object or path.
    NotFound,
    /// 405: the resource has no such verb.
    MethodNotAllowed,
    /// 406: no media type that the client takes.
    NotAcceptable,
    /// 409: the name is taken.
    AlreadyExists,
    /// 409: the object has changed meanwhile.
    Conflict,
    /// 410: the version asked for is too old.
    Expired,
    /// 410: gone for good.
    Gone,
    /// 413: the body is too large.
    RequestEntityTooLarge,
    /// 415: the body's media type is not known.
    UnsupportedMediaType,
    /// 422: validation said no.
    Invalid,
    /// 429: come back later.
    TooManyRequests,
    /// 500: our own fault.
    InternalError,
    /// 503: not there at present.
    ServiceUnavailable,
    /// 504: took too long.
    Timeout,
    /// 500 without a reason: an error that nobody has named.
    Unknown,
}

impl Reason {
    /// The HTTP status code.
    pub const fn code(self) -> u16 {
        match self {
            Reason::BadRequest => 400,
            Reason::Unauthorized => 401,
            Reason::Forbidden => 403,
            Reason::NotFound => 404,
            Reason::MethodNotAllowed => 405,
            Reason::NotAcceptable => 406,
            Reason::AlreadyExists | Reason::Conflict => 409,
            Reason::Expired | Reason::Gone => 410,
            Reason::RequestEntityTooLarge => 413,
            Reason::UnsupportedMediaType => 415,
            Reason::Invalid => 422,
            Reason::TooManyRequests => 429,
            Reason::InternalError | Reason::Unknown => 500,
            Reason::ServiceUnavailable => 503,
            Reason::Timeout => 504,
        }
    }
}

/// One of several causes, as `Invalid` lists them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// Such as `FieldValueRequired`.
    pub reason: String,
    /// The text without the field's path.
    pub message: String,
    /// The field's path; empty when the cause is not about a field.
    pub field: String,
}

/// A failed request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Why.
    pub reason: Reason,
    /// The text that a person reads.
    pub message: String,
    /// The object's name, when the failure is about one.
    pub name: String,
    /// The group of `kind`.
    pub group: String,
    /// The resource (`pods`), or the kind (`Pod`) for `Invalid`.
    pub kind: String,
    /// The object's uid, when it matters.
    pub uid: String,
    /// Causes in order.
    pub causes: Vec<Cause>,
    /// Seconds after which a retry may help; 0 for none.
    pub retry_after_seconds: u32,
    /// A token to go on with an old list in the present; empty when there is none.
    pub next: String,
    /// Whether the text is that of a status code alone (`NewGenericServerResponse`): then there are details, though
    /// nothing is known to stand in them.
    pub generic: bool,
}

impl Status {
    fn new(reason: Reason, message: String) -> Self {
        Self {
            reason,
            message,
            name: String::new(),
            group: String::new(),
            kind: String::new(),
            uid: String::new(),
            causes: Vec::new(),
            retry_after_seconds: 0,
            next: String::new(),
            generic: false,
        }
    }

    /// About `name` of `resource` (`jobs.batch`).
    fn about(mut self, resource: &str, name: &str) -> Self {
        let (plural, group) = resource.split_once('.').unwrap_or((resource, ""));
        self.kind = plural.to_owned();
        self.group = group.to_owned();
        self.name = name.to_owned();
        self
    }

    /// `jobs.batch "x" not found`.
    pub fn not_found(resource: &str, name: &str) -> Self {
        Self::new(Reason::NotFound, format!("{resource} \"{name}\" not found")).about(resource, name)
    }

    /// `the server could not find the requested resource`.
    pub fn unknown_path() -> Self {
        Self::generic(Reason::NotFound, "the server could not find the requested resource")
    }

    /// What a status code says by itself.
    pub fn generic(reason: Reason, message: impl Into<String>) -> Self {
        let mut status = Self::new(reason, message.into());
        status.generic = true;
        status
    }

    /// `jobs.batch "x" already exists`.
    pub fn already_exists(resource: &str, name: &str) -> Self {
        Self::new(Reason::AlreadyExists, format!("{resource} \"{name}\" already exists")).about(resource, name)
    }

    /// `Operation cannot be fulfilled on jobs.batch "x": why`.
    pub fn conflict(resource: &str, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {resource} \"{name}\": {why}");
        Self::new(Reason::Conflict, message).about(resource, name)
    }

    /// The conflict of an update made from an old version.
    pub fn modified(resource: &str, name: &str) -> Self {
        let why = "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(resource, name, why)
    }

    /// `jobs.batch "x" is forbidden: why`.
    pub fn forbidden(resource: &str, name: &str, why: &str) -> Self {
        let message = if name.is_empty() {
            format!("{resource} is forbidden: {why}")
        } else {
            format!("{resource} \"{name}\" is forbidden: {why}")
        };
        Self::new(Reason::Forbidden, message).about(resource, name)
    }

    /// The server's `Invalid`: `Job.batch "x" is invalid: ` and the errors, one or a list in brackets.
    /// `kind` is written with its group, such as `Job.batch`.
    pub fn invalid(kind: &str, name: &str, errors: &[field::Error]) -> Self {
        // Upstream's Aggregate drops repeated messages and brackets what is more than one.
        let mut texts: Vec<String> = Vec::new();
        for error in errors {
            let text = error.to_string();
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
        let joined = match texts.as_slice() {
            [one] => one.clone(),
            several => format!("[{}]", several.join(", ")),
        };
        let mut status = Self::new(Reason::Invalid, format!("{kind} \"{name}\" is invalid: {joined}"));
        let (short, group) = kind.split_once('.').unwrap_or((kind, ""));
        status.kind = short.to_owned();
        status.group = group.to_owned();
        status.name = name.to_owned();
        status.causes = errors
            .iter()
            .map(|error| Cause {
                reason: error.reason().to_owned(),
                message: error.body(),
                field: error.path.to_string(),
            })
            .collect();
        status
    }

    /// A request that cannot be read; the text is the whole message.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(Reason::BadRequest, message.into())
    }

    /// `the server does not allow this method on the requested resource`.
    pub fn method_not_allowed() -> Self {
        let text = "the server does not allow this method on the requested resource";
        Self::generic(Reason::MethodNotAllowed, text)
    }

    /// 410 with reason `Expired`, as an old watch or continue token gets.
    pub fn expired(message: impl Into<String>) -> Self {
        Self::new(Reason::Expired, message.into())
    }

    /// 415.
    pub fn unsupported_media_type(message: impl Into<String>) -> Self {
        Self::new(Reason::UnsupportedMediaType, message.into())
    }

    /// `Internal error occurred: why`.
    pub fn internal(why: &str) -> Self {
        Self::new(Reason::InternalError, format!("Internal error occurred: {why}"))
    }

    /// What a WebSocket tells of a session that its node refused, by the message of that refusal: the server, which
    /// speaks to the node in an older way, passes on in an internal error of its own that no session came about, or the
    /// node's own words when one had. Models staging/src/k8s.io/apiserver/pkg/util/proxy/streamtranslator.go.
    pub fn of_refused_session(message: &str) -> Self {
        let why = message.strip_prefix("Internal error occurred: ").unwrap_or(message);
        if why.starts_with("error executing command in container: ") {
            return Self::internal(message);
        }
        Self::internal(&format!("unable to upgrade connection: {why}"))
    }

    /// Any reason with a text of its own.
    pub fn other(reason: Reason, message: impl Into<String>) -> Self {
        Self::new(reason, message.into())
    }

    /// The HTTP status code.
    pub const fn code(&self) -> u16 {
        self.reason.code()
    }

    /// The `Status` object as the server writes it.
    pub fn to_json(&self) -> Value {
        let mut details = Map::new();
        for (key, text) in [("name", &self.name), ("group", &self.group), ("kind", &self.kind), ("uid", &self.uid)] {
            if !text.is_empty() {
                details.insert(key.to_owned(), json!(text));
            }
        }
        if !self.causes.is_empty() {
            let causes = self.causes.iter().map(|cause| {
                let mut entry = Map::new();
                for (key, text) in [("reason", &cause.reason), ("message", &cause.message), ("field", &cause.field)] {
                    if !text.is_empty() {
                        entry.insert(key.to_owned(), json!(text));
                    }
                }
                Value::Object(entry)
            });
            details.insert("causes".to_owned(), causes.collect());
        }
        if self.retry_after_seconds > 0 {
            details.insert("retryAfterSeconds".to_owned(), json!(self.retry_after_seconds));
        }
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "reason": format!("{:?}", self.reason), "code": self.code(),
        });
        if let Some(fields) = status.as_object_mut() {
            if !self.next.is_empty() {
                fields.insert("metadata".to_owned(), json!({"continue": self.next}));
            }
            if self.generic || !details.is_empty() {
                fields.insert("details".to_owned(), Value::Object(details));
            }
            if self.reason == Reason::Unknown {
                fields.remove("reason");
            }
        }
        status
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Status {}
