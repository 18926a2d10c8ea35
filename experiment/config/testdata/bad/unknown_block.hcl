experiment "x" {}

function "hello" {
  source = "../functions/hello"
}

backend "wazero" "wasm" {}

runs {
  repetitions = 3
}

gate "later" {}

function "no" "two labels" {
  source = "."
}
