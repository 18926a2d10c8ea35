experiment "x" {}

function "hello" {
  source = "../functions/hello"
}

backend "wazero" "wasm" {
  control = "maybe"
}

backend "wazero" "a" {
  control = true
}

backend "wazero" "a-control" {}
