# --var repetitions=12
experiment "coldstart" {
  description = "How long until a function runs: WebAssembly against containers."
}

variable "repetitions" {
  default = 30
}

function "fibonacci" {
  source = "../functions/fibonacci" # toolchain by what is inside
  inputs = { for n in range(0, 31, 10) : "n=${n}" => n }
  input "large" {
    stdin  = "35"
    expect = "9227465"
  }
}

function "noop" {
  source = "../functions/hello"
}

backend "wazero" "wasm" {
  start = ["cold", "cached", "prepared"]
}

backend "docker" "scratch" {
  start  = ["cold", "prepared"]
  mode   = "none"
  memory = "256MiB"
}

matrix { # left out: everything with everything
  exclude {
    function = "noop"
    backend  = "docker.scratch"
    start    = "prepared"
  }
}

run {
  repetitions = var.repetitions
  warmup      = 2
  order       = "shuffled" # shuffled | interleaved | sequential
  seed        = 1
  timeout     = "30s"
}

threshold "wasm starts within 10 ms" { # nightly gate: the exit code says
  metric = "startup"
  where  = { backend = "wazero.wasm", start = "cached" }
  assert = median < "10ms"
}
