experiment "x" {}

function "hello" {
  source = "../functions/hello"
}

backend "wazero" "wasm" {}

run {
  repetitions = -3
  warmup      = 1.5
  seed        = -1
  timeout     = "0s"
}
