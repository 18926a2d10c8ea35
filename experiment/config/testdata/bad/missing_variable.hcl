variable "repetitions" {
  type = number
}

variable "size" {}
experiment "x" {}

function "hello" {
  source = "../functions/hello"
}

backend "wazero" "wasm" {}

run {
  repetitions = var.repetitions
}
