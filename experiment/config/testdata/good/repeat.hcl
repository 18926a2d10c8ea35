experiment "repeat" {}

function "hello" {
  source = "../functions/hello"
  inputs = {
    "short" = { stdin = { text = "nebula ", size = 16 }, expect = { text = "ab", size = 3 } }
  }

  input "block" {
    stdin  = { text = "nebula ", size = "32B" }
    expect = { text = "nebula ", size = "32B", regex = "^nebula" }
  }
}

backend "wazero" "wasm" {}
