experiment "x" {}

function "hello" {
  source = "../functions/hello"
}

backend "wazero" "wasm" {}

dynamic "locals" {
  for_each = [1]
  content {}
}

dynamic "function" {
  for_each = 3
  labels   = ["f"]
  content {
    source = "../functions/hello"
  }
}

function "blocks" {
  source = "../functions/hello"
  dynamic "inptu" {
    for_each = [1]
    content {}
  }
  dynamic "input" {
    for_each = ["a", "b"]
    labels   = [inptu.value]
    content {
      stdin = inputs.value
    }
  }
}
