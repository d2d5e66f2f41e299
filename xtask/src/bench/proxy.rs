//! A TCP proxy on loopback that counts what passes, and holds each piece back for half of a round trip.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

/// A proxy that lives as long as the process.
pub struct Proxy {
    /// Where it listens, on 127.0.0.1.
    pub port: u16,
    passed: Arc<AtomicU64>,
}

impl Proxy {
    /// Starts one in front of the port `target` of 127.0.0.1.
    pub fn start(target: u16, round_trip: Duration) -> Result<Proxy, String> {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| format!("proxy: {error}"))?;
        let port = listener.local_addr().map_err(|error| format!("proxy: {error}"))?.port();
        let passed = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&passed);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(("127.0.0.1", target)) else { continue };
                let (Ok(client_too), Ok(server_too)) = (client.try_clone(), server.try_clone()) else {
                    continue;
                };
                forward(client, server, round_trip / 2, Arc::clone(&counter));
                forward(server_too, client_too, round_trip / 2, Arc::clone(&counter));
            }
        });
        Ok(Proxy { port, passed })
    }

    /// Bytes passed so far, both ways.
    pub fn bytes(&self) -> u64 {
        self.passed.load(Ordering::Relaxed)
    }
}

/// One direction: one thread reads and notes when, another writes once the time has come. Many pieces may be on their
/// way at once, as on a real line.
fn forward(mut from: TcpStream, mut to: TcpStream, delay: Duration, passed: Arc<AtomicU64>) {
    let (send, receive) = channel::<(Instant, Vec<u8>)>();
    for stream in [&from, &to] {
        // It is slower without, and works.
        let _ = stream.set_nodelay(true);
    }
    thread::spawn(move || {
        let mut buffer = vec![0; 64 << 10];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            passed.fetch_add(length as u64, Ordering::Relaxed);
            if send.send((Instant::now() + delay, buffer[..length].to_vec())).is_err() {
                break;
            }
        }
    });
    thread::spawn(move || {
        for (due, piece) in receive {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            if to.write_all(&piece).is_err() {
                break;
            }
        }
        // The other side may have gone already.
        let _ = to.shutdown(Shutdown::Write);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_counted_and_held_back() {
        let echo = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = echo.local_addr().unwrap().port();
        thread::spawn(move || {
            let (mut stream, _) = echo.accept().unwrap();
            let mut buffer = [0; 4];
            stream.read_exact(&mut buffer).unwrap();
            stream.write_all(&buffer).unwrap();
        });
        let proxy = Proxy::start(port, Duration::from_millis(60)).unwrap();
        let mut stream = TcpStream::connect(("127.0.0.1", proxy.port)).unwrap();
        let start = Instant::now();
        stream.write_all(b"ping").unwrap();
        let mut answer = [0; 4];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"ping");
        assert!(start.elapsed() >= Duration::from_millis(60), "{:?}", start.elapsed());
        assert_eq!(proxy.bytes(), 8);
    }
}
