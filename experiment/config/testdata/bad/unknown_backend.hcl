experiment "x" {}

function "hello" {
  source = "../functions/hello"
}

backend "wazreo" "wasm" {}

backend "kubernetes" "cluster" {}

backend "wazero" "a label" {}

backend "wazero" {}

backend "wazero" ".." {
  start = ["cold", "hot", "wram"]
}

backend "docker" "nowhere" {
  start = []
}
