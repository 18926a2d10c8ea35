experiment "build_args" {}

function "built" {
  source     = "../functions/hello"
  build_args = { VERSION = "1.2", LEVEL = 3, NOT_SET = null }
}

backend "wazero" "wasm" {}
