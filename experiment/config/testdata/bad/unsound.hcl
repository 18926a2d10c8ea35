experiment "x" {}

variable "unset" {}

variable "wrong" {
  type    = number
  default = "many"
}

variable "misspelt" {
  defualt = 3
}

locals {
  a = local.b
  b = local.a
}

function "typo" { source = var.typo }
function "call" { source = nothing("a") }
function "unset" { source = var.unset }
function "circle" { source = local.a }
function "image" { image = var.wrong }
function "both" {
  source = local.a
  image  = "alpine"
}
function "folder" {
  source   = "../functions/hello"
  language = var.misspelt
  mounts   = { "/data" = local.a }
}

dynamic "function" {
  for_each = ["d"]
  labels   = [function.value]
  content {
    source = "${function.value}${local.a}"
  }
}

dynamic "function" {
  for_each = ["d"]
  labels   = ["${function.value}${local.a}"]
  content {
    source = function.value
  }
}

backend "wazero" "wasm" {}

matrix {
  exclude {
    function = "nobody"
    start    = local.a
  }
}

run {
  repetitions = var.wrong
  until {
    relative_error  = local.a
    min_repetitions = 600
  }
}

energy {
  estimate {
    watts_idle = 20
    watts_full = local.a
  }
}

reference "r" {
  file = local.a
  as   = { column = "docker.*/cold" }
}

threshold "t" {
  metric = local.a
  assert = median < local.a
  where  = { backend = local.a }
}
