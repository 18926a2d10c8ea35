//! Factorials in full, in Rust.

/// What a limb counts up to: nine decimal digits, so that the product of two
/// fits in 64 bits and printing needs no division of large numbers.
const BASE: u64 = 1_000_000_000;

/// Gives n! in limbs, the lowest first.
fn factorial(n: u64) -> Vec<u64> {
    let mut limbs = vec![1];
    for k in 2..=n {
        let mut carry = 0;
        for limb in &mut limbs {
            carry += *limb * k;
            *limb = carry % BASE;
            carry /= BASE;
        }
        if carry > 0 {
            limbs.push(carry);
        }
    }
    limbs
}

fn decimal(limbs: &[u64]) -> String {
    let mut text = limbs[limbs.len() - 1].to_string();
    for limb in limbs.iter().rev().skip(1) {
        text.push_str(&format!("{:09}", limb));
    }
    text
}

fn main() {
    nebula::serve(|request| {
        let n = nebula::number(request, 0, 1000)?;
        Ok(decimal(&factorial(n)).into_bytes())
    })
}
