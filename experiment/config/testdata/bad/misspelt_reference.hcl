variable "repetitions" {
  default = 3
}

locals {
  memory = "64MiB"
  twice  = 2 * var.repetitons
}
experiment "x" {}

function "hello" {
  source = "../functions/hello"
}

backend "wazero" "wasm" {}

backend "docker" "a" {
  memory = local.memry
  mode   = memory
}

backend "docker" "b" {
  memory = vra.memory
  mode   = compiler
  cpus   = var.memory
}

run {
  repetitions = local.twice
  warmup      = var
  seed        = var[0]
  order       = var.nothing.like.it
}
