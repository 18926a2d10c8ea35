//! Fibonacci numbers by plain recursion, in Rust.

fn fibonacci(n: u32) -> u64 {
    if n < 2 {
        n.into()
    } else {
        fibonacci(n - 1) + fibonacci(n - 2)
    }
}

fn parse(request: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(request).ok()?;
    let digits = text.trim_matches(&[' ', '\t', '\r', '\n'][..]);
    if !digits.bytes().all(|c| c.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok().filter(|n| *n <= 93)
}

fn main() {
    nebula::serve(|request| match parse(request) {
        Some(n) => Ok(fibonacci(n).to_string().into_bytes()),
        None => Err("fibonacci: the request must be a decimal number from 0 to 93".to_string()),
    })
}
