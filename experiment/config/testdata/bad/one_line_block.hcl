experiment "x" {}

function "hello" {
  source = "../functions/hello"
}

backend "wazero" "wasm" {}

matrix {
  exclude { function = "hello", start = "warm" }
}
