experiment "x" {}

function "hello" {
  source = "../functions/hello"
}

backend "wazero" "wasm" {}

run {
  repetitions = 1000001
  warmup      = 1e300
  seed        = 18446744073709551616
}
