//! Prime numbers by trial division, in Rust.

/// Divides by 2, by 3 and by what neither of them divides.
fn is_prime(n: u64) -> bool {
    if n < 4 {
        return n > 1;
    }
    if n % 2 == 0 || n % 3 == 0 {
        return false;
    }
    let mut d = 5;
    while d * d <= n {
        if n % d == 0 || n % (d + 2) == 0 {
            return false;
        }
        d += 6;
    }
    true
}

/// Gives the n-th prime number, counted from 0.
fn prime(mut n: u64) -> u64 {
    let mut p = 2;
    loop {
        if is_prime(p) {
            if n == 0 {
                return p;
            }
            n -= 1;
        }
        p += 1;
    }
}

fn main() {
    nebula::serve(|request| {
        let n = nebula::number(request, 0, 100_000)?;
        Ok(prime(n).to_string().into_bytes())
    })
}
