experiment "x" {}

function "hello" {
  source = "../functions/hello"
}

backend "wazero" "wasm" {}

reference "paper" {
  file   = "../reference/good.json"
  source = "A. Author, second edition"
  as     = { docker = "docker.alpine/*" }
}

reference "plain" {
  file = "../reference/good.json"
}
