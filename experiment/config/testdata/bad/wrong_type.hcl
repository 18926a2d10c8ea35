experiment "x" {
  description = ["a", "list"]
}

function "hello" {
  source   = { path = "../functions/hello" }
  language = true
  inputs   = ["a", "b"]
}

function "nested" {
  source = "../functions/hello"
  inputs = {
    a = ["a"]
    b = { args = "-v" }
    c = { env = ["A"] }
    d = { env = { A = ["a"] } }
    e = { stdin = {} }
    f = { args = ["-v", ["-w"]] }
  }
}

backend "wazero" "a" {
  start  = "cold"
  cpus   = "many"
  memory = ["64MiB"]
}

backend "wazero" "b" {
  start = { cold = true }
  env   = { A = null }
}

run {
  repetitions = "many"
  timeout     = ["30s"]
}
