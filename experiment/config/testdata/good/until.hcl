experiment "x" {}

function "hello" {
  source = "../functions/hello"

  input "text" {
    expect = "hi\n"
  }
  input "file" {
    expect = { file = "../functions/answer.txt", regex = "^h" }
  }
  input "digest" {
    expect = { sha256 = "98EA6E4F216F2FB4B69FFF9B3A44842C38686CA685F3F55DC48C5D3FB1107BE4" }
  }
}

backend "wazero" "wasm" {
  control = true
}

run {
  pause = "200ms"

  until {
    relative_error  = "0.02"
    metrics         = ["startup", "runtime"]
    min_repetitions = 6
    max_repetitions = 100
    max_time        = "10m"
  }
}
