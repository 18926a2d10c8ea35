experiment "sever al" {
  description = "Every mistake is reported at once."
}

variable "repetitions" {
  default = 30
}

function "fibonacci" {
  source = "../functions/fibonaci"
  inputs = { for n in range(0, 31, 10) : "n=${n}" => m }
}

backend "wazero" "wasm" {
  start  = ["cold", "lukewarm"]
  memroy = "64MiB"
}

backend "dokcer" "scratch" {}

run {
  repetitions = var.repetitons
  timeout     = "half a minute"
}
