//! QEMU's control socket, as far as it is needed: save a running guest.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Saving a guest with 1 GB of memory takes seconds.
const SAVE_LIMIT: Duration = Duration::from_secs(300);

/// A connection.
pub struct Qmp {
    lines: BufReader<UnixStream>,
}

impl Qmp {
    /// Connects and leaves the greeting behind.
    pub fn connect(socket: &Path) -> Result<Qmp, String> {
        let stream = UnixStream::connect(socket).map_err(|error| format!("{}: {error}", socket.display()))?;
        stream.set_read_timeout(Some(Duration::from_secs(60))).map_err(|error| error.to_string())?;
        let mut qmp = Qmp { lines: BufReader::new(stream) };
        qmp.line()?;
        qmp.ask("qmp_capabilities", &json!({}))?;
        Ok(qmp)
    }

    /// Writes the whole guest but for its disk to `state`. It stays stopped from then on, and all it wrote is
    /// in the disk's file: a copy of that belongs to the state.
    pub fn save(&mut self, state: &Path) -> Result<(), String> {
        // A program as the target works with every version of QEMU.
        let uri = format!("exec:cat > '{}'", state.display());
        self.ask("migrate", &json!({ "uri": uri }))?;
        let start = Instant::now();
        while start.elapsed() < SAVE_LIMIT {
            let progress = self.ask("query-migrate", &json!({}))?;
            match progress.get("status").and_then(Value::as_str) {
                Some("completed") => return Ok(()),
                Some("failed" | "cancelled") => return Err(format!("the guest cannot be saved: {progress}")),
                _ => std::thread::sleep(Duration::from_millis(200)),
            }
        }
        Err("saving the guest took too long".to_owned())
    }

    fn ask(&mut self, command: &str, arguments: &Value) -> Result<Value, String> {
        let request = json!({ "execute": command, "arguments": arguments });
        writeln!(self.lines.get_mut(), "{request}").map_err(|error| format!("QMP {command}: {error}"))?;
        loop {
            let mut answer = self.line()?;
            if let Some(error) = answer.get("error") {
                return Err(format!("QMP {command}: {error}"));
            }
            // Anything else is an event.
            if let Some(value) = answer.get_mut("return") {
                return Ok(value.take());
            }
        }
    }

    fn line(&mut self) -> Result<Value, String> {
        let mut line = String::new();
        let length = self.lines.read_line(&mut line).map_err(|error| format!("QMP: {error}"))?;
        if length == 0 {
            return Err("QMP: QEMU closed the connection".to_owned());
        }
        serde_json::from_str(&line).map_err(|error| format!("QMP: {error}: {line}"))
    }
}
