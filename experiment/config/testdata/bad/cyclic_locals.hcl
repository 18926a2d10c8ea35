locals {
  a = local.b + 1
  b = local.c + 1
  c = local.a + 1
  d = local.d
  e = local.a
}
experiment "x" {}

function "hello" {
  source = "../functions/hello"
}

backend "wazero" "wasm" {}

run {
  repetitions = local.e
}
