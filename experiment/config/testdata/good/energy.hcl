experiment "x" {}

function "hello" {
  source = "../functions/hello"
}

backend "wazero" "wasm" {}

energy {
  window           = "500ms"
  idle             = "1s"
  windows          = 7
  target_error     = 0.02
  domains          = ["package-0", "dram-0"]
  command          = ["./plug", "--joules"]
  carbon_intensity = 41.5

  estimate {
    watts_idle = 20
    watts_full = 65.5
  }
}
