// SPDX-License-Identifier: GPL-2.0

//! The ways to tell a running stand-in what to do: a Unix socket, standard input, signals.

use crate::args::Command;
use crate::args::Line;
use crate::command;
use crate::guest::Guest;
use anyhow::bail;
use anyhow::Context;
use anyhow::Result;
use clap::Parser;
use serde_json::json;
use serde_json::Value;
use signal_hook::consts::SIGINT;
use signal_hook::consts::SIGTERM;
use signal_hook::iterator::Signals;
use std::io::BufRead;
use std::io::BufReader;
use std::io::ErrorKind;
use std::io::Write;
use std::os::unix::net::UnixListener;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::mpsc::Sender;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use std::time::Instant;

/// How long `ctl` waits for the socket to appear.
const CONNECT_FOR: Duration = Duration::from_secs(10);

/// What ends the program.
pub(crate) enum Event {
    /// Somebody said so.
    Quit,
    /// The tap failed.
    Failed(anyhow::Error),
}

/// Turns SIGINT and SIGTERM into a quiet end.
pub(crate) fn watch_signals(events: Sender<Event>) -> Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM]).context("cannot watch signals")?;
    crate::spawn("signals", move || {
        for _ in signals.forever() {
            let _ = events.send(Event::Quit);
        }
    })
}

/// Takes commands on a socket at `path`; one that nobody listens on is replaced.
pub(crate) fn listen(path: &Path, guest: Arc<Guest>, events: Sender<Event>) -> Result<()> {
    if UnixStream::connect(path).is_ok() {
        bail!("another stand-in listens on {}", path.display());
    }
    let stale = std::fs::remove_file(path);
    if stale
        .as_ref()
        .is_err_and(|error| error.kind() != ErrorKind::NotFound)
    {
        stale.with_context(|| format!("cannot replace {}", path.display()))?;
    }
    let listener =
        UnixListener::bind(path).with_context(|| format!("cannot listen on {}", path.display()))?;
    crate::spawn("control", move || {
        for stream in listener.incoming().flatten() {
            let guest = guest.clone();
            let events = events.clone();
            // Each client has its own thread, so that "stats" need not wait for a "send".
            let _ = crate::spawn("client", move || {
                let _ = serve(&stream, &guest, &events);
            });
        }
    })
}

/// Answers the commands of one client, a line each.
fn serve(stream: &UnixStream, guest: &Guest, events: &Sender<Event>) -> Result<()> {
    for line in BufReader::new(stream).lines() {
        let (answer, quit) = run_line(&line?, guest);
        let mut stream = stream;
        writeln!(stream, "{answer}")?;
        if quit {
            let _ = events.send(Event::Quit);
        }
    }
    Ok(())
}

/// Takes commands from standard input, answering on standard output.
pub(crate) fn read_stdin(guest: &Guest, events: &Sender<Event>) {
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        if line.trim().is_empty() {
            continue;
        }
        let (answer, quit) = run_line(&line, guest);
        println!("{answer}");
        if quit {
            break;
        }
    }
    let _ = events.send(Event::Quit);
}

/// Runs the commands of `--run`. The first that fails ends the program.
pub(crate) fn run_all(commands: &[String], guest: &Guest, events: &Sender<Event>) {
    for line in commands {
        let (answer, quit) = run_line(line, guest);
        println!("{answer}");
        if let Some(error) = error_of(&answer) {
            let error = anyhow::anyhow!("{error}").context(line.clone());
            let _ = events.send(Event::Failed(error));
            return;
        }
        if quit {
            let _ = events.send(Event::Quit);
            return;
        }
    }
}

/// Carries out one line; returns the answer and whether to quit now.
fn run_line(line: &str, guest: &Guest) -> (Value, bool) {
    let parsed = match Line::try_parse_from(line.split_whitespace()) {
        Ok(parsed) => parsed.command,
        Err(error) => {
            // The first line says it all; the rest is about --help, which is not there.
            let text = error.to_string();
            let text = text.lines().next().unwrap_or_default();
            let text = text.strip_prefix("error: ").unwrap_or(text);
            return (json!({ "error": text }), false);
        }
    };
    match command::carry_out(guest, &parsed) {
        Ok(answer) => (answer, matches!(parsed, Command::Quit)),
        Err(error) => (json!({"error": format!("{error:#}")}), false),
    }
}

fn error_of(answer: &Value) -> Option<&str> {
    answer.get("error").and_then(Value::as_str)
}

/// `standin ctl`: sends one command to the stand-in at `socket` and prints the answer.
pub(crate) fn ctl(socket: &Path, command: &[String]) -> Result<()> {
    let mut stream = connect(socket)?;
    writeln!(stream, "{}", command.join(" "))?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer)?;
    let value: Value =
        serde_json::from_str(&answer).context("the stand-in ended before it answered")?;
    if let Some(error) = error_of(&value) {
        bail!("{error}");
    }
    print!("{answer}");
    Ok(())
}

fn connect(socket: &Path) -> Result<UnixStream> {
    let end = Instant::now() + CONNECT_FOR;
    loop {
        match UnixStream::connect(socket) {
            Ok(stream) => return Ok(stream),
            Err(error) if Instant::now() >= end => {
                return Err(error).with_context(|| format!("no stand-in at {}", socket.display()));
            }
            Err(_) => thread::sleep(Duration::from_millis(50)),
        }
    }
}
