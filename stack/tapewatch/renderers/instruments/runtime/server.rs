mod server {
    use super::registry::Registry;
    use std::io::{self, Read, Write};
    use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
    use std::sync::Arc;
    use std::thread;
    use std::time::{Duration, Instant};

    /// Bytes of a request; Prometheus sends some 400.
    const MAX_HEAD: usize = 16_384;
    /// Connections at a time; one more is closed at once.
    const MAX_CONNECTIONS: usize = 64;
    /// How long a client may take to send its request.
    const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
    /// How long a client may take to read the answer; Prometheus gives a scrape up after as long by default.
    const SEND_TIMEOUT: Duration = Duration::from_secs(10);
    /// How long a client may take to close, after the answer.
    const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
    /// Pause when no connection can be taken, for instance because the process has no file left.
    const BREATH: Duration = Duration::from_millis(100);

    const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
    const PLAIN: &str = "text/plain; charset=utf-8";
    const JSON: &str = "application/json";

    /// A running server. It serves until the program ends, also when this is dropped.
    #[derive(Clone)]
    pub struct Server {
        address: SocketAddr,
        state: Arc<State>,
    }

    struct State {
        registry: Registry,
        healthy: AtomicBool,
        ready: AtomicBool,
        open: AtomicUsize,
    }

    impl Server {
        /// Where it listens; with port 0 the one that was free.
        pub fn address(&self) -> SocketAddr {
            self.address
        }

        /// What `/health` answers: 200, or 503 for "restart me".
        pub fn set_healthy(&self, healthy: bool) {
            self.state.healthy.store(healthy, SeqCst);
        }

        /// What `/ready` answers: 200, or 503 for "let me be for a while".
        pub fn set_ready(&self, ready: bool) {
            self.state.ready.store(ready, SeqCst);
        }
    }

    pub fn serve(registry: Registry, address: impl ToSocketAddrs) -> io::Result<Server> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let state = Arc::new(State {
            registry,
            healthy: AtomicBool::new(true),
            ready: AtomicBool::new(true),
            open: AtomicUsize::new(0),
        });
        let server = Server {
            address,
            state: state.clone(),
        };
        let thread = thread::Builder::new().name("tapewatch-serving".into());
        thread.spawn(move || accept(&listener, &state))?;
        Ok(server)
    }

    fn accept(listener: &TcpListener, state: &Arc<State>) {
        for connection in listener.incoming() {
            match connection {
                Ok(stream) => attend(stream, state),
                Err(_) => thread::sleep(BREATH),
            }
        }
    }

    /// Answers in a thread, so that a client that is slow holds up nobody else.
    fn attend(stream: TcpStream, state: &Arc<State>) {
        let place = Place::take(state);
        if place.is_taken_by_too_many() {
            return;
        }
        let thread = thread::Builder::new().name("tapewatch-answering".into());
        let answering = thread.spawn(move || {
            // A client that breaks off is no concern of this program.
            let _ = converse(stream, &place.state);
        });
        if answering.is_err() {
            thread::sleep(BREATH);
        }
    }

    /// A connection that is counted as long as it lives.
    struct Place {
        state: Arc<State>,
        number: usize,
    }

    impl Place {
        fn take(state: &Arc<State>) -> Self {
            let number = state.open.fetch_add(1, SeqCst);
            let state = state.clone();
            Self { state, number }
        }

        fn is_taken_by_too_many(&self) -> bool {
            self.number >= MAX_CONNECTIONS
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            self.state.open.fetch_sub(1, SeqCst);
        }
    }

    fn converse(mut stream: TcpStream, state: &State) -> io::Result<()> {
        let answer = match read_head(&mut stream)? {
            Ok(head) => answer(&head, state),
            Err(status) => encoded(status, PLAIN, status, true),
        };
        send(&mut stream, &answer)?;
        close(&mut stream)
    }

    /// The head of a request, or the status that says what is wrong with it.
    fn read_head(stream: &mut TcpStream) -> io::Result<Result<String, &'static str>> {
        let deadline = Instant::now() + HEAD_TIMEOUT;
        let mut head = Vec::new();
        let mut part = [0; 1024];
        loop {
            let Some(left) = time_left(deadline) else {
                return Ok(Err("408 Request Timeout"));
            };
            stream.set_read_timeout(Some(left))?;
            let length = match stream.read(&mut part) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(length) => length,
                Err(error) if is_for_now(&error) => continue,
                Err(error) => return Err(error),
            };
            let searched = head.len().saturating_sub(3);
            head.extend_from_slice(&part[..length]);
            let end = head[searched..]
                .windows(4)
                .position(|four| four == b"\r\n\r\n");
            if let Some(end) = end {
                head.truncate(searched + end);
                return Ok(Ok(String::from_utf8_lossy(&head).into_owned()));
            }
            if head.len() > MAX_HEAD {
                return Ok(Err("431 Request Header Fields Too Large"));
            }
        }
    }

    fn answer(head: &str, state: &State) -> Vec<u8> {
        let first = head.split("\r\n").next().unwrap_or_default();
        let words: Vec<&str> = first.split(' ').collect();
        let (method, target) = match words[..] {
            [method, target, "HTTP/1.1" | "HTTP/1.0"] => (method, target),
            _ => return encoded("400 Bad Request", PLAIN, "400 Bad Request", true),
        };
        let with_body = method != "HEAD";
        if with_body && method != "GET" {
            let status = "405 Method Not Allowed";
            return encoded(status, PLAIN, status, true);
        }
        match target.split('?').next().unwrap_or_default() {
            "/metrics" => encoded("200 OK", TEXT, &state.registry.encode(), with_body),
            "/health" => probe(state.healthy.load(SeqCst), with_body),
            "/ready" => probe(state.ready.load(SeqCst), with_body),
            _ => encoded("404 Not Found", PLAIN, "404 Not Found", with_body),
        }
    }

    fn probe(passed: bool, with_body: bool) -> Vec<u8> {
        let (status, word) = if passed {
            ("200 OK", "ok")
        } else {
            ("503 Service Unavailable", "failed")
        };
        encoded(
            status,
            JSON,
            &format!("{{\"status\": \"{}\"}}", word),
            with_body,
        )
    }

    fn encoded(status: &str, kind: &str, body: &str, with_body: bool) -> Vec<u8> {
        let allow = if status.starts_with("405") {
            "Allow: GET, HEAD\r\n"
        } else {
            ""
        };
        let head = format!(
            "HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n{}Cache-Control: no-store\r\n\
             X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
            status,
            kind,
            body.len(),
            allow
        );
        let mut bytes = head.into_bytes();
        if with_body {
            bytes.extend_from_slice(body.as_bytes());
        }
        bytes
    }

    fn send(stream: &mut TcpStream, mut bytes: &[u8]) -> io::Result<()> {
        let deadline = Instant::now() + SEND_TIMEOUT;
        while !bytes.is_empty() {
            let left = time_left(deadline).ok_or(io::ErrorKind::TimedOut)?;
            stream.set_write_timeout(Some(left))?;
            match stream.write(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(length) => bytes = &bytes[length..],
                Err(error) if is_for_now(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads what the client still sends before the connection is closed, or it would lose the answer.
    fn close(stream: &mut TcpStream) -> io::Result<()> {
        stream.shutdown(Shutdown::Write)?;
        let deadline = Instant::now() + CLOSE_TIMEOUT;
        let mut part = [0; 1024];
        while let Some(left) = time_left(deadline) {
            stream.set_read_timeout(Some(left))?;
            match stream.read(&mut part) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if is_for_now(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn time_left(deadline: Instant) -> Option<Duration> {
        let left = deadline.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    /// Whether the deadline decides, rather than this error.
    fn is_for_now(error: &io::Error) -> bool {
        use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
        matches!(error.kind(), Interrupted | TimedOut | WouldBlock)
    }
}
