//! Powers of e, in Rust.

/// Gives eⁿ with ten digits. Beyond n = 709 an f64 can't hold it, so its root
/// is computed, and squared as digits and exponent.
fn power(n: u64) -> String {
    let root = format!("{:e}", (n as f64 / 2.0).exp());
    let (digits, tens) = root.split_once('e').expect("an exponent");
    let mut d: f64 = digits.parse().expect("digits");
    let mut exponent: i32 = tens.parse().expect("an exponent");
    d *= d;
    exponent *= 2;
    if d >= 10.0 {
        d /= 10.0;
        exponent += 1;
    }
    format!("{:.9}e{}", d, exponent)
}

fn main() {
    nebula::serve(|request| {
        let n = nebula::number(request, 0, 1412)?;
        Ok(power(n).into_bytes())
    })
}
