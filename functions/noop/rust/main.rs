//! The function that does nothing, in Rust.

fn main() {
    nebula::serve(|_| Ok(Vec::new()))
}
