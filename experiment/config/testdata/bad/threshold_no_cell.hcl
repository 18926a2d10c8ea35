experiment "x" {}

function "f" {
  source = "../functions/hello"
  inputs = { one = "1", two = "2" }
}

backend "wazero" "w" {
  start = ["cold", "cached"]
}

matrix {
  exclude {
    input = "two"
    start = "cached"
  }
}

threshold "each pattern fits, and no cell fits all" {
  metric = "startup"
  assert = median < "10ms"
  where {
    input = "two"
    start = "cached"
  }
}
