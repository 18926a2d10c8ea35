experiment "x" {}

function "hello" {
  source = "../functions/hello"
}

backend "wazero" "wasm" {}

function "strange" {
  source = "../functions/strange.unknown"
  inputs = {}
}
