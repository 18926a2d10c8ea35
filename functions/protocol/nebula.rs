//! The function protocol for Rust, with nothing but the standard library.
//!
//! ```ignore
//! fn main() {
//!     nebula::serve(|request| Ok(request.to_vec()))
//! }
//! ```
//!
//! `serve` writes the ready marker, reads the request, calls the handler,
//! writes the done marker and then the answer. With `NEBULA_FRAMES=1` it
//! answers many requests. functions/README.md describes the protocol.

use std::io::{BufRead, Read};

/// Answers the request, or with `NEBULA_FRAMES=1` one request after the other.
/// A handler's error goes to standard error and ends the function with exit
/// code 1.
pub fn serve<F: FnMut(&[u8]) -> Result<Vec<u8>, String>>(mut handle: F) {
    ready();
    if let Err(message) = answer_all(&mut handle) {
        write_all(2, format!("{}\n", message).as_bytes());
        std::process::exit(1);
    }
}

fn answer_all(handle: &mut dyn FnMut(&[u8]) -> Result<Vec<u8>, String>) -> Result<(), String> {
    let mut stdin = std::io::stdin().lock();
    let mut request = Vec::new();
    if !std::env::var_os("NEBULA_FRAMES").map_or(false, |v| v == "1") {
        stdin.read_to_end(&mut request).map_err(|e| format!("cannot read the request: {}", e))?;
        let answer = handle(&request)?;
        done();
        return send(&answer);
    }
    let mut line = String::new();
    loop {
        line.clear();
        let ends = |e| format!("cannot read the length of a request: {}", e);
        // No length has more than 9 digits: never look further for its end.
        if stdin.by_ref().take(10).read_line(&mut line).map_err(ends)? == 0 {
            return Ok(());
        }
        let length: usize = match line.strip_suffix('\n') {
            Some(n) if n.bytes().all(|c| c.is_ascii_digit()) => n.parse().ok(),
            _ => None,
        }
        .ok_or("a request must begin with its length in decimal and a newline")?;
        request.resize(length, 0);
        stdin.read_exact(&mut request).map_err(|e| format!("cannot read a request: {}", e))?;
        ready();
        let answer = handle(&request)?;
        done();
        // Length and answer leave in one write.
        let mut frame = format!("{}\n", answer.len()).into_bytes();
        frame.extend_from_slice(&answer);
        send(&frame)?;
    }
}

/// Gives the decimal number that a request is, with white space around it or
/// not. The error says what was expected: a number from least to most.
pub fn number(request: &[u8], least: u64, most: u64) -> Result<u64, String> {
    let text = std::str::from_utf8(request).unwrap_or("");
    let digits = text.trim_matches(&[' ', '\t', '\r', '\n'][..]);
    if digits.bytes().all(|c| c.is_ascii_digit()) {
        if let Ok(n) = digits.parse() {
            if (least..=most).contains(&n) {
                return Ok(n);
            }
        }
    }
    Err(format!("the request must be a decimal number from {} to {}", least, most))
}

/// Says that the function's own code runs. `serve` calls it.
pub fn ready() {
    mark("nebula:ready");
}

/// Says that the answer has been computed. `serve` calls it, before the answer
/// itself is written.
pub fn done() {
    mark("nebula:done");
}

// mark writes a marker line in one write. On Linux it holds the moment, taken
// just before; a WebAssembly host hears of the write at once.
fn mark(marker: &str) {
    let line = match now() {
        Some(ns) => format!("{} {}\n", marker, ns),
        None => format!("{}\n", marker),
    };
    write_all(2, line.as_bytes());
}

fn send(answer: &[u8]) -> Result<(), String> {
    if write_all(1, answer) {
        Ok(())
    } else {
        Err(format!("cannot write the answer: {}", std::io::Error::last_os_error()))
    }
}

extern "C" {
    fn write(fd: i32, bytes: *const u8, count: usize) -> isize;
}

// write_all reports whether everything could be written. It goes around
// std's stdout, which would cut the answer in two at its last newline.
fn write_all(fd: i32, mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() {
        // SAFETY: the pointer and the count are those of one slice.
        let n = unsafe { write(fd, bytes.as_ptr(), bytes.len()) };
        if n > 0 {
            bytes = &bytes[n as usize..];
        } else if std::io::Error::last_os_error().kind() != std::io::ErrorKind::Interrupted {
            return false;
        }
    }
    true
}

// now reads CLOCK_MONOTONIC in nanoseconds: std's Instant does not give it.
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
fn now() -> Option<i64> {
    #[repr(C)]
    struct Timespec {
        seconds: i64,
        nanoseconds: i64,
    }
    extern "C" {
        fn clock_gettime(clock: i32, t: *mut Timespec) -> i32;
    }
    const CLOCK_MONOTONIC: i32 = 1;
    let mut t = Timespec { seconds: 0, nanoseconds: 0 };
    // SAFETY: t is a timespec as 64-bit Linux has it, and outlives the call.
    if unsafe { clock_gettime(CLOCK_MONOTONIC, &mut t) } != 0 {
        return None;
    }
    Some(t.seconds * 1_000_000_000 + t.nanoseconds)
}

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
fn now() -> Option<i64> {
    None
}
