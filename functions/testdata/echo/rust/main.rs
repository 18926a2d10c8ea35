//! Answers with its request.

fn main() {
    nebula::serve(|request| Ok(request.to_vec()))
}
