experiment "x" {}

function "hello" {
  source = "../functions/hello"
}

backend "wazero" "wasm" {}

reference "missing" {
  file = "../reference/god.json"
}

reference "nothing" {}

reference "twice" {
  file   = "../reference/good.json"
  source = " "
  as     = { dokcer = "docker.*/cold", wasm = "wazero" }
}

reference "twice" {
  file = ["../reference/good.json"]
  as   = "docker"
  fil  = "x"
}

reference "no_source" {
  file = "../reference/no_source.json"
}

reference "no_definition" {
  file = "../reference/no_definition.json"
}

reference "no_figures" {
  file = "../reference/no_figures.json"
}

reference "metric" {
  file = "../reference/metric.json"
}

reference "unit" {
  file = "../reference/unit.json"
}

reference "value" {
  file = "../reference/value.json"
}

reference "nothing" {
  file = "../reference/nothing.json"
}

reference "column" {
  file = "../reference/column.json"
}

reference "pattern" {
  file = "../reference/pattern.json"
}

reference "field" {
  file = "../reference/field.json"
}

reference "machine" {
  file = "../reference/machine.json"
}

reference "torn" {
  file = "../reference/torn.json"
}

reference "folder" {
  file = "../reference"
}

reference "huge" {
  file = "../reference/huge.json"
}
