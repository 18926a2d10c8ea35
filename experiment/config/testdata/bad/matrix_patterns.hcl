experiment "x" {}

function "hello" {
  source = "../functions/hello"
}

backend "wazero" "wasm" {}

function "fibonacci" {
  source = "../functions/fibonacci"
  inputs = { for n in range(0, 31, 10) : "n=${n}" => n }
}

matrix {
  include {
    function = ["hello", "fibonaci*"]
    input    = "n=11"
  }
  include {
    backend = "wasm"
  }
  include {}
  exclude {
    start = "prepare"
    where = "here"
  }
  exclude {
    start = []
  }
  exclude {
    function = { name = "hello" }
  }
}

matrix {}
