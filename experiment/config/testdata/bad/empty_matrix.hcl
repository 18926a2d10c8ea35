experiment "x" {}

function "hello" {
  source = "../functions/hello"
}

backend "wazero" "wasm" {}

matrix {
  include {
    backend = "wazero.*"
  }
  exclude {
    function = "hel*"
  }
}
