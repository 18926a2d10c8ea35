experiment "request" {}

function "bytes" {
  source = "../functions/hello"
  inputs = {
    short = { stdin = { file = "../functions/short.bin" }, expect = { file = "../functions/short.bin" } }
    text  = { stdin = { text = "ab", size = 5, file = null } }
  }
  input "text in a file" {
    stdin = { file = "../functions/answer.txt" }
  }
  input "from a function" {
    stdin = file("../functions/fibonacci/input.txt")
  }
}

backend "wazero" "wasm" {}
