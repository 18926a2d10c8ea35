experiment "x" {}

function "hello" {
  source = "../functions/hello"
}

backend "wazero" "wasm" {}

backend "docker" "a" {
  memory = "lots"
}

backend "docker" "b" {
  cpus = 2
}

backend "strict" "c" {}

backend "strict" "d" {
  size = null
}

backend "strict" "e" {
  size = 1.5
}
