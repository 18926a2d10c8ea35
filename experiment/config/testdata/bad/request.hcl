experiment "request" {}

function "bytes" {
  source = "../functions/hello"
  input "missing" { stdin = { file = "../functions/anwser.txt" } }
  input "folder" { stdin = { file = "../functions" } }
  input "device" { stdin = { file = "/dev/zero" } }
  input "both" { stdin = { file = "../functions/answer.txt", size = 3 } }
  input "text" { stdin = { file = "../functions/answer.txt", text = "a" } }
  input "list" { stdin = { file = ["../functions/answer.txt"] } }
  input "empty" { stdin = { file = "" } }
  input "other" { stdin = { files = "../functions/answer.txt" } }
  input "answer" { expect = { file = "/dev/zero" } }
}

backend "wazero" "wasm" {}
