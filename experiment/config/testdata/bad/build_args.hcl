experiment "build_args" {}

function "text" {
  source     = "../functions/hello"
  build_args = "VERSION=1"
}

function "names" {
  source     = "../functions/hello"
  build_args = { "A=B" = "x", LIST = [1] }
}

backend "wazero" "wasm" {}
