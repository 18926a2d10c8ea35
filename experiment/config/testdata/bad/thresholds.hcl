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

threshold "no metric" {
  assert = median < "10ms"
}

threshold "unknown metric" {
  metric = "startupp"
  assert = median < "10ms"
}

threshold "no assertion" {
  metric = "startup"
}

threshold "not a comparison" {
  metric = "startup"
  assert = "10ms"
}

threshold "equal" {
  metric = "startup"
  assert = median == "10ms"
}

threshold "unknown quantile" {
  metric = "startup"
  assert = p98 < "10ms"
}

threshold "the wrong way round" {
  metric = "startup"
  assert = "10ms" > median
}

threshold "no unit" {
  metric = "startup"
  assert = median < 10
}

threshold "a unit of something else" {
  metric = "total"
  assert = p95 < "10MiB"
}

threshold "a list" {
  metric = "total"
  assert = p95 < ["10ms"]
}

threshold "nothing" {
  metric = "total"
  assert = p95 > "0s"
}

threshold "a reference" {
  metric = "total"
  assert = p95 < local.nowhere
}

threshold "unknown key" {
  metric = "startup"
  where  = { backends = "wazero.w" }
  assert = median < "10ms"
}

threshold "unknown pattern" {
  metric = "startup"
  where  = { backend = "wazero.x", start = ["cold", "warmish"] }
  assert = median < "10ms"
}

threshold "no object" {
  metric = "startup"
  where  = "wazero.w"
  assert = median < "10ms"
}

threshold "both" {
  metric = "startup"
  where  = { start = "cold" }
  assert = median < "10ms"
  where {
    start = "cold"
  }
}

threshold "an empty rule" {
  metric = "startup"
  assert = median < "10ms"
  where {}
}

threshold "twice" {
  metric = "startup"
  assert = median < "10ms"
}

threshold "twice" {
  metric  = "startup"
  asserts = median < "10ms"
}

threshold "" {
  metric = "startup"
  assert = median < "10ms"
}
