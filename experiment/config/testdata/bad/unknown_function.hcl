locals {
  names = lenght(["a"])
  other = [for x in [] : nothing_like_it(x)]
  wrong = upper("a", "b")
  file  = file("missing.txt")
}
experiment "x" {}

function "hello" {
  source = "../functions/hello"
}

backend "wazero" "wasm" {}
