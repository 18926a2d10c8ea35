experiment "x" {}

function "hello" {
  source = "../functions/hello"
}

backend "wazero" "wasm" {}

function "env" {
  source = "../functions/hello"
  input "a" {
    env  = { "A=B" = "c" }
    args = ["a\u0000b"]
  }
}
