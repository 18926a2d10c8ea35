# --var text=1e5
# --var on=true
# --var sizes=["1MiB", "2MiB", "4MiB"]
# --var free=some text, "quoted"
# --var-file testdata/values.hcl
experiment "every-thing_1.0" {
  description = <<-EOT
    Whatever the language can do.
  EOT
}

variable "text" {
  type        = string
  description = "Stays as it is."
}

variable "on" {
  type = bool
}

variable "sizes" {
  default = ["64MiB"]
}

variable "free" {}

variable "object" {
  type = object({ name = string, count = optional(number, 3) })
}

variable "nothing" {
  default = null
}

locals {
  last  = local.names[length(local.names) - 1]
  names = [for s in var.sizes : lower(s)]
}

locals {
  tricky = try(jsondecode("not json"), { a = "</script>" })
}

function "</script>" {
  source   = "../functions/hello/"
  language = "go"
  inputs = {
    n10   = 10
    n2    = 0.1 + 0.2
    n1    = 1e30
    yes   = var.on
    null  = var.nothing
    full  = { stdin = file("../functions/fibonacci/input.txt"), args = ["-v", 1], env = { LANG = "C", NONE = null }, expect = "" }
    "æ ø" = local.tricky.a
  }
  dynamic "input" {
    for_each = { for i, s in var.sizes : s => i }
    iterator = size
    labels   = ["size ${size.key}"]
    content {
      stdin  = size.value
      args   = [for i in range(2) : "${i}-${size.key}"]
      expect = upper(local.last)
    }
  }
}

function "ready" {
  image  = "alpine:3.20"
  inputs = null
}

dynamic "backend" {
  for_each = var.sizes
  labels   = ["docker", "m-${lower(backend.value)}"]
  content {
    memory = backend.value
    env    = { SIZE = backend.value, TEXT = var.text }
    start  = backend.key == 0 ? ["warm"] : null
    dynamic "mount" {
      for_each = range(backend.key)
      content {
        path      = "/data/${mount.value}/${backend.key}"
        read_only = var.object.count > 2
      }
    }
  }
}

backend "strict" "s" {
  size = "3"
}

backend "wazero" "wasm" {
  mode   = null
  cpus   = 0.5
  pinned = 0
}

matrix {
  include {
    function = ["ready", "<*"]
    start    = "*"
  }
  exclude {
    input = "n*"
    start = ["cached", "warm"]
  }
}

run {
  repetitions = "7"
  warmup      = 0
  order       = "interleaved"
  seed        = 18446744073709551615
  timeout     = "1m30s"
}

threshold "of all" {
  metric = "total"
  assert = (p99 < local.slow)
}

locals { slow = "1m" }

dynamic "threshold" {
  for_each = { cold = "2s", cached = 50 }
  labels   = ["${threshold.key} starts"]
  content {
    metric = "startup"
    assert = p95 > "${threshold.value}${threshold.key == "cold" ? "" : "us"}"
    where {
      backend = ["wazero.*"]
      start   = threshold.key
    }
  }
}

dynamic "threshold" {
  for_each = ["cold"]
  labels   = ["object"]
  content {
    metric = "runtime"
    assert = p90 < "1.5ms"
    where  = { start = [threshold.value], backend = "wazero.*" }
  }
}
