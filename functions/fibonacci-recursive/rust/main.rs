//! Fibonacci numbers by plain recursion, in Rust.

fn fibonacci(n: u64) -> u64 {
    if n < 2 {
        n
    } else {
        fibonacci(n - 1) + fibonacci(n - 2)
    }
}

fn main() {
    nebula::serve(|request| {
        let n = nebula::number(request, 0, 93)?;
        Ok(fibonacci(n).to_string().into_bytes())
    })
}
