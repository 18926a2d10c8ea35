experiment "x" {}

function "hello" {
  source = "../functions/hello"
  inputs = {
    a = { stdin = [1] }
    b = { stdin = { text = "x", sise = "1MiB" } }
    c = { stdin = { text = "x" } }
    d = { stdin = { size = "1MiB" } }
    e = { stdin = { text = "", size = "1MiB" } }
    f = { stdin = { text = "x", size = "65MiB" } }
    g = { stdin = { text = "x", size = "much" } }
    h = { stdin = { text = "x", size = 0 } }
    i = { expect = { text = "x", size = "-1" } }
    j = { expect = { size = 1 } }
  }
}

function "loop" {
  source = "../functions/hello"
  inputs = { for n in range(5) : n => { stdin = { text = "${n}", size = "64MiB" } } }
}

backend "wazero" "wasm" {}
