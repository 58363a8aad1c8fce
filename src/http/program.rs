//! What a program of a Pod speaks on a forwarded connection, as bytes: HTTP, or redis' protocol, whose requests begin
//! with a star. Programs that speak first are none here.

use axum::body::Body as HttpBody;
use axum::http::{Request as HttpRequest, Response as HttpResponse, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream};

use super::owner::Owner;
use super::{BODY_LIMIT, translate, whole};
use crate::text::http::{Body, Method, RESP, Request, StreamId};

/// What is read at once, in bytes.
const CHUNK: usize = 16 * 1024;

/// Has what listens on a port of an address answer, until the client or the program hangs up.
pub async fn serve(mut pipe: DuplexStream, owner: Owner, id: StreamId, address: String, port: u16) {
    let mut first = [0];
    if pipe.read_exact(&mut first).await.is_err() {
        return;
    }
    if first == *b"*" {
        speak_resp(pipe, owner, id, address, port).await;
    } else {
        let (read, write) = tokio::io::split(pipe);
        speak_http(tokio::io::join(first.as_slice().chain(read), write), owner, id, address, port).await;
    }
}

/// Reads redis' commands off a connection, of which one byte has been read.
async fn speak_resp(mut pipe: DuplexStream, owner: Owner, id: StreamId, address: String, port: u16) {
    let (mut bytes, mut part) = (b"*".to_vec(), vec![0; CHUNK]);
    loop {
        match command(&bytes) {
            Ok(Some((length, words))) => {
                bytes.drain(..length);
                let request = Request::new(Method::Post, "/").with_header("Content-Type", RESP).with_body(words);
                let Ok(answer) = owner.forward(id, (address.clone(), port), request).await else { return };
                let Body::Bytes(reply) = &answer.body else { return };
                if answer.header("Content-Type") != Some(RESP) || pipe.write_all(reply).await.is_err() {
                    return;
                }
            }
            Ok(None) if bytes.len() <= BODY_LIMIT => match pipe.read(&mut part).await {
                Ok(0) | Err(_) => return,
                Ok(count) => bytes.extend_from_slice(part.get(..count).unwrap_or_default()),
            },
            Ok(None) | Err(Broken) => return,
        }
    }
}

/// Bytes that are no command.
#[derive(Debug, PartialEq, Eq)]
struct Broken;

/// The first command in some bytes: its length, and its words as they stand in it; `None` when it is not all here.
fn command(bytes: &[u8]) -> Result<Option<(usize, Vec<u8>)>, Broken> {
    let Some((count, start)) = number(bytes, 0, b'*')? else { return Ok(None) };
    let mut at = start;
    for _ in 0..count {
        let Some((length, text)) = number(bytes, at, b'$')? else { return Ok(None) };
        at = text.saturating_add(length).saturating_add(2);
        if at > bytes.len() {
            return Ok(None);
        }
    }
    Ok(bytes.get(start..at).map(|words| (at, words.to_vec())))
}

/// The number behind a mark at `at`, and where its line ends.
fn number(bytes: &[u8], at: usize, mark: u8) -> Result<Option<(usize, usize)>, Broken> {
    let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) else { return Ok(None) };
    let Some(end) = rest.windows(2).position(|pair| pair == b"\r\n") else {
        return if rest.len() > 32 { Err(Broken) } else { Ok(None) };
    };
    let text = rest.get(1..end).filter(|_| rest.first() == Some(&mark)).ok_or(Broken)?;
    let number = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or(Broken)?;
    Ok(Some((number, at + end + 2)))
}

/// Reads requests off a connection; a program that does not answer one hangs up.
async fn speak_http(pipe: impl AsyncRead + AsyncWrite + Unpin, owner: Owner, id: StreamId, address: String, port: u16) {
    let answer = |request: HttpRequest<hyper::body::Incoming>| {
        let (owner, address) = (owner.clone(), address.clone());
        async move {
            let (parts, body) = request.into_parts();
            let refused = |status: StatusCode| {
                let mut response = HttpResponse::new(HttpBody::empty());
                *response.status_mut() = status;
                Ok(response)
            };
            let Ok(body) = whole(HttpBody::new(body), parts.headers.contains_key("expect")).await else {
                return refused(StatusCode::PAYLOAD_TOO_LARGE);
            };
            let Ok(request) = translate::request(&parts, body) else { return refused(StatusCode::METHOD_NOT_ALLOWED) };
            let response = owner.forward(id, (address, port), request).await.map_err(NoAnswer)?;
            match &response.body {
                Body::Bytes(bytes) => {
                    let made = translate::head(&response).body(HttpBody::from(bytes.clone()));
                    made.map_err(|error| NoAnswer(error.to_string()))
                }
                // No program of a Pod answers in a stream.
                Body::Stream(_) => refused(StatusCode::NOT_IMPLEMENTED),
            }
        }
    };
    let mut http = hyper::server::conn::http1::Builder::new();
    // The program says what time it is, and a client that has asked may still listen.
    http.auto_date_header(false).half_close(true).title_case_headers(true);
    let _ = http.serve_connection(TokioIo::new(pipe), hyper::service::service_fn(answer)).await;
}

/// The program hung up without an answer.
#[derive(Debug)]
struct NoAnswer(String);

impl std::fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NoAnswer {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_of_redis_are_told_apart_however_they_are_cut() {
        let two = b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n*1\r\n$4\r\nPING\r\n";
        assert_eq!(command(two), Ok(Some((20, b"$3\r\nGET\r\n$1\r\na\r\n".to_vec()))));
        for length in 1..20 {
            assert_eq!(command(&two[..length]), Ok(None), "{length} bytes");
        }
        assert_eq!(command(&two[20..]), Ok(Some((14, b"$4\r\nPING\r\n".to_vec()))));
        assert_eq!(command(b"*x\r\n"), Err(Broken));
        assert_eq!(command(b"*1\r\nGET\r\n"), Err(Broken));
        assert_eq!(command(b"*1\r\n$99999999999999999999\r\n"), Err(Broken));
    }
}
