//! A web server of a few lines, for downloads that go wrong on purpose.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What a client asked for.
#[derive(Clone, Debug)]
pub struct Request {
    /// Path with its query.
    pub path: String,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
}

impl Request {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// First byte asked for by a `range` header.
    pub fn from(&self) -> Option<usize> {
        self.header("range")?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
    }
}

/// What the server answers.
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Beside content-length.
    pub headers: Vec<(&'static str, String)>,
    /// What content-length counts.
    pub body: Vec<u8>,
    /// The connection is closed after so many bytes of the body.
    pub cut: Option<usize>,
}

impl Response {
    /// A whole answer.
    pub fn new(status: u16, headers: &[(&'static str, &str)], body: &[u8]) -> Response {
        let headers = headers.iter().map(|(name, value)| (*name, value.to_string())).collect();
        Response { status, headers, body: body.to_vec(), cut: None }
    }

    /// The same, broken off.
    pub fn cut_after(self, bytes: usize) -> Response {
        Response { cut: Some(bytes), ..self }
    }
}

/// A server on this machine, alive as long as the process; keeps what it was asked.
pub struct Server {
    /// Scheme, host and port.
    pub address: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// Starts on a free port. Answers request after request with `answer`; `None` closes the connection without a word.
    pub fn start(mut answer: impl FnMut(&Request) -> Option<Response> + Send + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("this machine can listen to itself");
        let address = format!("http://{}", listener.local_addr().expect("a bound socket has an address"));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = requests.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if let Some(request) = read(&stream) {
                    seen.lock().expect("no holder panics").push(request.clone());
                    if let Some(response) = answer(&request) {
                        // The client may hang up first; that is its affair.
                        let _ = write(stream, &response);
                    }
                }
            }
        });
        Server { address, requests }
    }

    /// What was asked so far.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("no holder panics").clone()
    }
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty());
    let path = lines.next()?.split(' ').nth(1)?.to_string();
    let headers = lines.filter_map(|l| l.split_once(": ").map(|(n, v)| (n.to_ascii_lowercase(), v.to_string())));
    Some(Request { path, headers: headers.collect() })
}

fn write(mut stream: TcpStream, response: &Response) -> std::io::Result<()> {
    write!(
        stream,
        "HTTP/1.1 {} x\r\nconnection: close\r\ncontent-length: {}\r\n",
        response.status,
        response.body.len()
    )?;
    for (name, value) in &response.headers {
        write!(stream, "{name}: {value}\r\n")?;
    }
    stream.write_all(b"\r\n")?;
    stream.write_all(&response.body[..response.cut.unwrap_or(response.body.len())])?;
    stream.flush()
}
