experiment "x" {}

function "hello" {
  source = "../functions/hello"
}

backend "wazero" "wasm" {}

run {
  repetitions = 8

  until {
    relative_error = 0.1
  }
}
