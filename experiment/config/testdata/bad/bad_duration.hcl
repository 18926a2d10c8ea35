experiment "x" {}

function "hello" {
  source = "../functions/hello"
}

backend "wazero" "wasm" {}

run {
  timeout = 30
  order   = "shufled"
}
