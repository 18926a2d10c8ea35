experiment "../evil" {}

function "" {
  source = "../functions/hello"
}

function "two\nlines" {
  source = "../functions/hello"
  inputs = {
    "\u001b[31m" = 1
  }
}

function "longlonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglong" {
  source = "../functions/hello"
}

backend "wazero" "wasm" {}
