//! Answers with its request, in Rust.

fn main() {
    nebula::serve(|request| Ok(request.to_vec()))
}
