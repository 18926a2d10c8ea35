experiment "x" {}

function "near" {
  source = "../functions/fibonaci"
}

function "far" {
  source = "/nowhere/at/all"
}

function "none" {}

function "both" {
  source = "../functions/hello"
  image  = "alpine"
}

function "empty" {
  source = ""
}

function "null" {
  source = null
  image  = ""
}

function "device" {
  source = "/dev/null"
}

function "below a file" {
  source = "../functions/hello/main.txt/below"
}

function "language" {
  source   = "../functions/hello"
  language = "Rust"
}

function "image" {
  image    = "alpine"
  language = "go"
}

backend "wazero" "wasm" {}
