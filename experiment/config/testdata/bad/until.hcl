experiment "x" {}

function "hello" {
  source = "../functions/hello"
}

backend "wazero" "wasm" {}

run {
  order       = "sequential"
  repetitions = 20
  pause       = "-1s"

  until {
    metrics         = ["startup", "startupp", "startup"]
    min_repetitions = 600
    max_repetitions = 5
    max_time        = "0s"
  }
  until {
    relative_error = 2
    metrics        = []
  }
}
