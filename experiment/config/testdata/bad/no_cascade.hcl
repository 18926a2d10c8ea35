locals {
  broken = lower(["not a text"])
  after  = "${local.broken}!"
  list   = [local.after]
}

experiment "x" {
  description = local.after
}

function "hello" {
  source = local.after
  inputs = { for k in local.list : k => local.after }
}

dynamic "function" {
  for_each = local.list
  labels   = [function.value]
  content {
    source = "."
  }
}

backend "wazero" "wasm" {
  start  = local.list
  memory = local.after
  mount {
    path = local.after
  }
}

matrix {
  exclude {
    function = "anything"
    input    = local.after
  }
}

run {
  repetitions = local.broken
  timeout     = local.broken
  order       = local.broken
}
