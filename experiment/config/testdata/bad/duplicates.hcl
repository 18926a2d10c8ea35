experiment "x" {}

experiment "y" {}

variable "v" {
  default = 1
}

variable "v" {
  default = 2
}

locals {
  l = 1
}

locals {
  l = 2
}

function "hello" {
  source = "../functions/hello"
  inputs = {
    a = 1
    a = 2
  }
  input "a" {}
}

function "hello" {
  source = "../functions/hello"
}

backend "wazero" "wasm" {
  start = ["cold", "cold"]
}

backend "wazero" "wasm" {}

run {}
run {}
