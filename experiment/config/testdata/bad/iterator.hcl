experiment "x" {}

function "quoted" {
  source = "../functions/hello"
  dynamic "input" {
    for_each = ["a", "b"]
    iterator = "size"
    labels   = [size.value]
    content { stdin = size.value }
  }
}

function "computed" {
  source = "../functions/hello"
  dynamic "input" {
    for_each = ["a", "b"]
    iterator = size.name
    labels   = [size.value]
    content { stdin = size.value }
  }
}

function "spaced" {
  source = "../functions/hello"
  dynamic "input" {
    for_each = ["a", "b"]
    iterator = "a size"
    labels   = ["x"]
    content {}
  }
}

backend "wazero" "wasm" {}
