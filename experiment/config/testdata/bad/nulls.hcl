locals {
  none     = null
  loop     = [for i in local.none : i]
  sum      = local.none + 1
  template = "${local.none}"
  member   = local.none.x
  element  = ["a"][null]
  key      = { for i in [null] : i => i }
  choice   = null ? 1 : 2
  call     = upper(null)
  list     = join(",", [null])
  fine     = local.none[*]
  fallback = try(local.none.x, "fine")
}

experiment "x" {
  description = null
}

function "hello" {
  source = "../functions/hello"
  input "a" {
    stdin  = null
    args   = [null]
    env    = null
    expect = null
  }
}

backend "wazero" "wasm" {
  start  = [null]
  memory = null
}

run {
  repetitions = null
  timeout     = null
}
