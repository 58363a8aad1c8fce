//! What a client may do to the listener of `tabernetes serve`, in good faith or not: break HTTP, send what is too
//! large, watch by the thousand, never read, never speak, ask for the ports of a Pod. Each gets the answer that kube-apiserver gives, and what the
//! server keeps for it is counted.
//!
//! Most clients are the other end of a pipe in this process, so no limit of the machine on sockets is in the way.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at once, in its helpers too"
)]
#![allow(clippy::disallowed_methods, reason = "a client is waited for in real time")]

use std::time::Duration;

use serde_json::{Value, json};
use tabernetes::cluster::Config;
use tabernetes::http::{Owner, Settings, connection};
use tabernetes::text::http::{Body, Method, Request};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

/// No answer takes longer, however busy the machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// What a pipe holds when nobody reads, as a socket does.
const PIPE: usize = 64 * 1024;

/// A cluster whose time stands still.
fn cluster() -> Owner {
    let warm_up = Duration::from_secs(30);
    Owner::start(Settings { config: Config::default(), speed: 0.0, warm_up, prose: None }).unwrap()
}

fn client(owner: &Owner) -> DuplexStream {
    let (ours, theirs) = tokio::io::duplex(PIPE);
    tokio::spawn(connection(theirs, owner.clone(), PATIENCE));
    ours
}

async fn within<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("an answer in time")
}

/// Says something and listens until the server hangs up.
async fn conversation(owner: &Owner, said: &[u8]) -> String {
    let mut client = client(owner);
    let mut heard = Vec::new();
    let talk = async {
        let _ = client.write_all(said).await;
        let _ = client.read_to_end(&mut heard).await;
    };
    within(talk).await;
    String::from_utf8_lossy(&heard).into_owned()
}

/// The number in the first line of an answer.
fn code(heard: &str) -> u16 {
    heard.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or_default()
}

/// The `Status` in the body of an answer.
fn status(heard: &str) -> Value {
    let (_, body) = heard.split_once("\r\n\r\n").unwrap_or_default();
    serde_json::from_str(body.trim()).unwrap_or_else(|error| panic!("{error}: {heard}"))
}

async fn ask(owner: &Owner, method: Method, path: &str, body: &Value) -> (u16, Value) {
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    let request = Request::new(method, path).with_header("Content-Type", "application/json").with_body(body);
    let response = within(owner.handle(request)).await.unwrap();
    let Body::Bytes(bytes) = response.body else { panic!("a stream") };
    (response.status, serde_json::from_slice(&bytes).unwrap_or_default())
}

fn config_map(name: &str, value: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"k": value}})
}

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

/// Waits until the server keeps so many streams open.
async fn open_streams(owner: &Owner, wanted: usize) {
    let wait = async {
        while owner.open_streams().await != wanted {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    if tokio::time::timeout(PATIENCE, wait).await.is_err() {
        panic!("{} streams are open, not {wanted}", owner.open_streams().await);
    }
}

#[tokio::test]
async fn what_is_no_http_is_answered_and_hung_up_on() {
    let owner = cluster();
    for said in ["hello\r\n\r\n", "GET\r\n\r\n", "GET /api HTTP/9.9\r\n\r\n", "\0\u{1}\u{2}\r\n\r\n"] {
        let heard = conversation(&owner, said.as_bytes()).await;
        assert_eq!(code(&heard), 400, "{said:?} {heard:?}");
    }
    let broken = "GET /api/%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let heard = conversation(&owner, broken.as_bytes()).await;
    assert!(code(&heard) == 400 && heard.ends_with("\r\n\r\n400 Bad Request"), "{heard}");
    // A parameter that is none counts for nothing, as in Go.
    let odd = format!("GET {MAPS}?limit=%zz&labelSelector=a%3Db HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let heard = conversation(&owner, odd.as_bytes()).await;
    assert_eq!((code(&heard), status(&heard)["kind"].as_str()), (200, Some("ConfigMapList")), "{heard}");
    let endless = format!("GET /api HTTP/1.1\r\nX: {}", "x".repeat(2 * 1024 * 1024));
    let heard = conversation(&owner, endless.as_bytes()).await;
    assert_eq!(code(&heard), 431, "{heard}");
    for (line, headers, wanted, end) in [
        ("GET /api", "", 400, "400 Bad Request: missing required Host header"),
        ("GET /api", "Host: x\r\nHost: y\r\n", 400, "400 Bad Request"),
        ("GET /api", "Host: x\r\nExpect: wonders\r\n", 417, "\r\n\r\n"),
        ("HEAD /healthz", "Host: x\r\n", 200, "\r\n\r\n"),
        ("HEAD /api/v1/nodes", "Host: x\r\n", 405, "\r\n\r\n"),
    ] {
        let said = format!("{line} HTTP/1.1\r\nConnection: close\r\n{headers}\r\n");
        let heard = conversation(&owner, said.as_bytes()).await;
        assert!(code(&heard) == wanted && heard.ends_with(end), "{said:?} {heard:?}");
    }
    let many: String = (0..300).map(|number| format!("X-{number}: a\r\n")).collect();
    let heard =
        conversation(&owner, format!("GET /api HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{many}\r\n").as_bytes())
            .await;
    assert_eq!(code(&heard), 200, "{heard}");
    // And the next one is served as if nothing had been.
    assert_eq!(ask(&owner, Method::Get, "/api/v1/nodes", &Value::Null).await.0, 200);
}

#[tokio::test]
async fn what_is_no_json_gets_a_status() {
    let owner = cluster();
    let request = Request::new(Method::Post, MAPS)
        .with_header("Content-Type", "application/json")
        .with_body(b"{\"kind\": nothing".to_vec());
    let Body::Bytes(bytes) = within(owner.handle(request)).await.unwrap().body else { panic!("a stream") };
    let told: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!((told["code"].as_u64(), told["reason"].as_str()), (Some(400), Some("BadRequest")), "{told}");
    let (code, told) = ask(&owner, Method::Post, MAPS, &json!([1, 2])).await;
    assert_eq!((code, told["reason"].as_str()), (400, Some("BadRequest")), "{told}");
}

/// A request whose body has so many bytes.
async fn sent(owner: &Owner, bytes: usize, ask_first: bool) -> String {
    let mut client = client(owner);
    let expect = if ask_first { "Expect: 100-continue\r\n" } else { "" };
    let head = format!(
        "POST {MAPS} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n\
         {expect}Content-Length: {bytes}\r\n\r\n"
    );
    let mut heard = Vec::new();
    let talk = async {
        client.write_all(head.as_bytes()).await.unwrap();
        if !ask_first {
            let piece = vec![b'x'; 1024 * 1024];
            for start in (0..bytes).step_by(piece.len()) {
                client.write_all(&piece[..piece.len().min(bytes - start)]).await.unwrap();
            }
        }
        client.read_to_end(&mut heard).await.unwrap();
    };
    within(talk).await;
    String::from_utf8_lossy(&heard).into_owned()
}

/// The most memory that this process has had at once, in KiB; `None` where the system does not tell.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

#[tokio::test]
async fn a_body_of_100_mb_is_refused_with_a_status_and_never_held() {
    let owner = cluster();
    let told = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "Request entity too large: limit is 3145728", "reason": "RequestEntityTooLarge", "code": 413,
    });
    let before = peak();
    let heard = sent(&owner, 100 * 1024 * 1024, false).await;
    assert_eq!((code(&heard), status(&heard)), (413, told.clone()));
    if let (Some(before), Some(after)) = (before, peak()) {
        assert!(after - before < 32 * 1024, "{} KiB for a body that is refused", after - before);
    }
    // Who asks first is told before a byte of the body is sent.
    let heard = sent(&owner, 100 * 1024 * 1024, true).await;
    assert_eq!((code(&heard), status(&heard)), (413, told.clone()));
    // The limit itself: one byte decides.
    assert_eq!(code(&sent(&owner, 3 * 1024 * 1024 + 1, false).await), 413);
    assert_eq!(code(&sent(&owner, 3 * 1024 * 1024, false).await), 400);
}

async fn watch(owner: &Owner) -> DuplexStream {
    let mut client = client(owner);
    let line = format!("GET {MAPS}?watch=1&fieldSelector=metadata.name%3Dseen HTTP/1.1\r\nHost: x\r\n\r\n");
    client.write_all(line.as_bytes()).await.unwrap();
    client
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_watchers_see_what_happens_and_leave_nothing_behind() {
    let owner = cluster();
    let mut watchers = Vec::new();
    for _ in 0..1000 {
        watchers.push(watch(&owner).await);
    }
    open_streams(&owner, 1000).await;
    assert_eq!(ask(&owner, Method::Post, MAPS, &config_map("seen", "v")).await.0, 201);
    for watcher in &mut watchers {
        let mut heard = String::new();
        let listen = async {
            let mut bytes = [0; 4096];
            while !(heard.contains("\"ADDED\"") && heard.contains("\"seen\"")) {
                let count = watcher.read(&mut bytes).await.unwrap();
                assert_ne!(count, 0, "{heard}");
                heard.push_str(&String::from_utf8_lossy(&bytes[..count]));
            }
        };
        within(listen).await;
        assert_eq!(code(&heard), 200, "{heard}");
    }
    // There is an end to what one server takes, and the answer to more is to come again.
    let mut more = Vec::new();
    let refused = loop {
        let mut one = watch(&owner).await;
        let mut bytes = [0; 4096];
        let count = within(one.read(&mut bytes)).await.unwrap();
        let heard = String::from_utf8_lossy(&bytes[..count]).into_owned();
        if code(&heard) != 200 {
            break heard;
        }
        more.push(one);
        assert!(more.len() < 1000, "no end to the streams");
    };
    assert_eq!(code(&refused), 429, "{refused}");
    assert_eq!(status(&refused)["reason"], "TooManyRequests");
    assert!(refused.to_lowercase().contains("\r\nretry-after: "), "{refused}");
    drop((watchers, more));
    open_streams(&owner, 0).await;
    assert_eq!(ask(&owner, Method::Get, &format!("{MAPS}/seen"), &Value::Null).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_never_reads_costs_no_more_than_a_pipe_full() {
    const WRITES: usize = 400;
    let owner = cluster();
    let idle = watch(&owner).await;
    open_streams(&owner, 1).await;
    let value = "x".repeat(100_000);
    assert_eq!(ask(&owner, Method::Post, MAPS, &config_map("seen", &value)).await.0, 201);
    let before = owner.sent();
    for number in 0..WRITES {
        let (code, told) =
            ask(&owner, Method::Put, &format!("{MAPS}/seen"), &config_map("seen", &format!("{number}{value}"))).await;
        assert_eq!(code, 200, "{told}");
    }
    // 40 MB have been written; what waits for the silent client are the chunks of its queue.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let waiting = owner.sent() - before;
    assert!((1..4 * 1024 * 1024).contains(&waiting), "{waiting} bytes wait for a client that does not read");
    drop(idle);
    open_streams(&owner, 0).await;
}

#[tokio::test]
async fn who_never_asks_is_hung_up_on() {
    let owner = cluster();
    let (mut silent, theirs) = tokio::io::duplex(PIPE);
    let served = tokio::spawn(connection(theirs, owner.clone(), Duration::from_millis(100)));
    silent.write_all(b"GET /api HTTP/1.1\r\nHost:").await.unwrap();
    let mut heard = Vec::new();
    within(silent.read_to_end(&mut heard)).await.unwrap();
    assert!(heard.is_empty() || code(&String::from_utf8_lossy(&heard)) == 408, "{heard:?}");
    within(served).await.unwrap();
}

const POD: &str = "/api/v1/namespaces/default/pods";

/// A cluster with a web server in it, which runs; and a Pod that no node takes.
async fn web() -> Owner {
    let owner = cluster();
    let pod = |name: &str, selector: Value| {
        json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
            "spec": {"nodeSelector": selector, "containers": [{"name": "c", "image": "nginx"}]},
        })
    };
    assert_eq!(ask(&owner, Method::Post, POD, &pod("web", json!({}))).await.0, 201);
    assert_eq!(ask(&owner, Method::Post, POD, &pod("nowhere", json!({"no": "such"}))).await.0, 201);
    owner.advance(Duration::from_secs(60)).await;
    assert_eq!(ask(&owner, Method::Get, &format!("{POD}/web"), &Value::Null).await.1["status"]["phase"], "Running");
    owner
}

type Socket = tokio_tungstenite::WebSocketStream<DuplexStream>;

async fn web_socket(owner: &Owner, path: &str, protocol: &str) -> Result<Socket, (u16, String)> {
    use tokio_tungstenite::tungstenite::{Error, client::IntoClientRequest as _};
    let mut request = format!("ws://x{POD}/{path}").into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", protocol.parse().unwrap());
    match within(tokio_tungstenite::client_async(request, client(owner))).await {
        Ok((socket, answer)) => {
            assert_eq!(answer.headers()["sec-websocket-protocol"], protocol);
            Ok(socket)
        }
        Err(Error::Http(answer)) => {
            let body = answer.body().clone().unwrap_or_default();
            Err((answer.status().as_u16(), String::from_utf8(body).unwrap()))
        }
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_web_socket_reaches_the_ports_of_a_pod() {
    use futures::{SinkExt as _, StreamExt as _};
    let owner = web().await;
    let mut socket = web_socket(&owner, "web/portforward?ports=80,81", "v4.channel.k8s.io").await.unwrap();
    open_streams(&owner, 1).await;
    let request = b"\0GET /missing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_vec();
    socket.send(request.into()).await.unwrap();
    let mut channels = vec![Vec::new(); 4];
    let listen = async {
        while !(String::from_utf8_lossy(&channels[0]).contains("</html>") && channels[3].len() > 2) {
            let message = socket.next().await.unwrap().unwrap().into_data();
            channels[usize::from(message[0])].extend_from_slice(&message[1..]);
        }
    };
    within(listen).await;
    // Each channel begins with its port.
    let ports: Vec<&[u8]> = channels.iter().map(|bytes| &bytes[..2]).collect();
    assert_eq!(ports, [[80, 0], [80, 0], [81, 0], [81, 0]]);
    let text = |number: usize| String::from_utf8_lossy(&channels[number][2..]).into_owned();
    assert_eq!(code(&text(0)), 404, "{}", text(0));
    assert!(text(0).contains("<h1>404 Not Found</h1>"), "{}", text(0));
    assert_eq!((text(1), text(2)), (String::new(), String::new()));
    let why = text(3);
    assert!(why.starts_with("error forwarding port 81 to pod ") && why.contains("connection refused"), "{why}");
    drop(socket);
    open_streams(&owner, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_web_socket_reaches_redis_in_its_own_protocol() {
    use futures::{SinkExt as _, StreamExt as _};
    let owner = cluster();
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "db"},
        "spec": {"containers": [{"name": "c", "image": "redis"}]}});
    assert_eq!(ask(&owner, Method::Post, POD, &pod).await.0, 201);
    owner.advance(Duration::from_secs(60)).await;
    let mut socket = web_socket(&owner, "db/portforward?ports=6379", "v4.channel.k8s.io").await.unwrap();
    let mut heard = Vec::new();
    for command in ["*3\r\n$3\r\nSET\r\n$1\r\na\r\n$2\r\n42\r\n", "*2\r\n$3\r\nGET\r\n$1\r\na\r\n"] {
        // In two pieces, as a network may cut it.
        for piece in [&command[..7], &command[7..]] {
            socket.send(format!("\0{piece}").into_bytes().into()).await.unwrap();
        }
    }
    let listen = async {
        while !heard.ends_with(b"42\r\n") {
            let message = socket.next().await.unwrap().unwrap().into_data();
            if message[0] == 0 {
                heard.extend_from_slice(&message[1..]);
            }
        }
    };
    within(listen).await;
    assert_eq!(String::from_utf8_lossy(&heard[2..]), "+OK\r\n$2\r\n42\r\n");
    drop(socket);
    open_streams(&owner, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_have_the_ports_of_a_pod_is_told_why() {
    let owner = web().await;
    let refused = async |path: &str, protocol: &str| web_socket(&owner, path, protocol).await.err().unwrap();
    let channels = "v4.channel.k8s.io";
    assert_eq!(refused("web/portforward", channels).await, (400, "query parameter \"port\" is required\n".to_owned()));
    assert_eq!(refused("web/portforward?ports=0", channels).await, (400, "port \"0\" must be > 0\n".to_owned()));
    let (code_there, text) = refused("web/portforward", "SPDY/3.1+other.k8s.io").await;
    assert_eq!(
        (code_there, text.trim_end()),
        (
            403,
            "unable to upgrade: unable to negotiate protocol: client supports [other.k8s.io], server accepts [portforward.k8s.io]"
        )
    );
    let (code_there, text) = refused("nowhere/portforward?ports=80", channels).await;
    let told: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code_there, told["message"].as_str()), (400, Some("pod nowhere does not have a host assigned")));
    let (code_there, text) = refused("absent/portforward?ports=80", channels).await;
    let told: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code_there, told["message"].as_str()), (404, Some("pods \"absent\" not found")));
    let heard = conversation(
        &owner,
        format!("GET {POD}/web/portforward HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes(),
    )
    .await;
    assert_eq!((code(&heard), &status(&heard)["message"]), (400, &json!("Upgrade request required")));
    let spdy = "Connection: close, Upgrade\r\nUpgrade: SPDY/3.1\r\n";
    let heard = conversation(&owner, format!("POST {POD}/web/portforward HTTP/1.1\r\nHost: x\r\n{spdy}X-Stream-Protocol-Version: v9.portforward.k8s.io\r\n\r\n").as_bytes()).await;
    assert_eq!(code(&heard), 403, "{heard}");
    // None of them has left anything behind.
    open_streams(&owner, 0).await;
}
