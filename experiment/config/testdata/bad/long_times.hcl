experiment "x" {}

function "hello" {
  source = "../functions/hello"
}

backend "wazero" "wasm" {}

# Ten years are enough, and their sums still fit.
run {
  timeout = "87841h"

  until {
    relative_error = 0.02
    max_time       = "100000h"
  }
}

threshold "some day" {
  metric = "startup"
  assert = median < "100000h"
}
