experiment "x" {}

function "hello" {
  source = "../functions/hello"
  inputs = {}
}

function "nulls" {
  source = "../functions/hello"
  inputs = { a = null }
}

backend "wazero" "wasm" {}
