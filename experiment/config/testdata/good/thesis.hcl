experiment "thesis" {}

function "fibonacci" {
  source = "../functions/fibonacci"
  inputs = { for n in range(0, 6000, 10) : n => n if n < 200 || n > 5900 }
}

backend "wazero" "wasm" {}
