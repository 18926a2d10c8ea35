experiment "x" {}

function "hello" {
  source = "../functions/hello"
}

backend "wazero" "wasm" {}

energy {
  window           = "1us"
  idle             = "2h"
  windows          = 2
  target_error     = 1
  domains          = ["package-0", "package-0"]
  source           = "rapl"
  carbon_intensity = 0
  watts            = 3

  estimate {
    model      = "cpu"
    watts_idle = -1
    watts_full = "lots"
  }
  estimate {
    watts_idle = 10
    watts_full = 10
  }
}

energy {
  domains = []
  source  = "perf"
  command = ["plug"]

  estimate { watts_idle = 10 }
}

energy {
  source  = "command"
  domains = "package-0"
}

energy {
  command          = []
  carbon_intensity = "much"
}
