experiment "x" {}

function "hello" {
  source = "../functions/hello"
  inputs = {
    a = { expect = [1] }
    b = { expect = { file = "../functions/answr.txt" } }
    c = { expect = { regex = "(" } }
    d = { expect = { sha256 = "12" } }
    e = { expect = {} }
    f = { expect = { text = "x", file = "../functions/answer.txt" } }
    g = { expect = { txt = "x" } }
    h = { expect = { file = "../functions" } }
  }
}

backend "wazero" "wasm" {}
