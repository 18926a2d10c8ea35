# Every block and attribute of the language, each with a value that is right.
# Files with one mistake are made from it: see generated_test.go.
experiment "everything" {
  description = "All of it."
}

variable "n" {
  type        = number
  default     = 3
  description = "A number."
}

variable "names" {
  default = ["a", "b"]
}

locals {
  names = [for n in var.names : "d${n}"]
  sizes = { small = "1KiB", large = "2KiB" }
}

function "hello" {
  source   = "hello"
  language = "go"
  mounts = {
    "/data" = "fixtures"
  }
  inputs = {
    plain = 1
    full = {
      stdin  = { text = "ab", size = local.sizes.small }
      args   = ["-v", 1]
      env    = { LANG = "C" }
      expect = { text = "ab", size = "1KiB" }
    }
    files = {
      stdin  = { file = "picture.bin" }
      expect = { file = "answer.txt", regex = "^a", sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" }
    }
  }
  input "block" {
    stdin  = "1"
    args   = ["-v"]
    env    = { LANG = "C" }
    expect = "1"
  }
  dynamic "input" {
    for_each = local.names
    iterator = it
    labels   = [it.value]
    content {
      stdin = it.value
    }
  }
}

function "ready" {
  image = "alpine:3.20"
}

dynamic "function" {
  for_each = local.sizes
  labels   = [function.key]
  content {
    source = "module.wasm"
    inputs = {
      one = function.value
    }
  }
}

backend "wazero" "w" {
  start         = ["cold", "cached", "prepared"]
  control       = true
  mode          = "compiler"
  interruptible = true
  memory        = "64MiB"
  cpuset        = "0"
  nice          = 0
}

backend "docker" "d" {
  start     = ["cold", "prepared"]
  control   = false
  network   = "none"
  memory    = "256MiB"
  cpus      = 0.5
  cpuset    = "0"
  pids      = 64
  user      = "1000:1000"
  read_only = true
  env       = { LANG = "C" }
  runtime   = "runc"
  base      = "base.tar"
}

backend "docker" "i" {
  image = "alpine:3.20"
}

backend "fake" "f" {
  mode   = "fast"
  memory = "64MiB"
  cpus   = 2
  pinned = 1
  env    = { LANG = "C" }
  mount {
    path      = "/data"
    read_only = true
  }
}

dynamic "backend" {
  for_each = var.names
  labels   = ["wazero", backend.value]
  content {
    mode = "interpreter"
  }
}

matrix {
  include {
    function = "*"
    input    = ["*"]
    backend  = ["wazero.*", "docker.*", "fake.*"]
    start    = ["cold", "prepared"]
  }
  exclude {
    function = "hello"
    input    = "block"
    backend  = "docker.d"
    start    = "prepared"
  }
  dynamic "exclude" {
    for_each = var.names
    content {
      input   = "d${exclude.value}"
      backend = "docker.d"
    }
  }
}

run {
  repetitions = var.n * 10
  warmup      = 2
  order       = "shuffled"
  seed        = 1
  timeout     = "30s"
  pause       = "1ms"
  until {
    relative_error  = 0.02
    metrics         = ["startup", "total"]
    min_repetitions = 6
    max_time        = "10m"
  }
}

energy {
  window           = "200ms"
  idle             = "1s"
  windows          = 5
  target_error     = 0.01
  domains          = ["package-0"]
  source           = "auto"
  carbon_intensity = 250
  estimate {
    model      = "cpu-time"
    watts_idle = 20
    watts_full = 65
  }
}

reference "paper" {
  file   = "figures.json"
  source = "A paper"
  as     = { docker = "docker.*/cold" }
}

threshold "object" {
  metric = "startup"
  assert = median < "10ms"
  where  = { function = "hello", backend = "wazero.*", start = ["cold"] }
}

threshold "block" {
  metric = "total"
  assert = p95 > "1ns"
  where {
    input = "block"
  }
}
