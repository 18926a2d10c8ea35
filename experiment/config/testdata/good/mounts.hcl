experiment "mounts" {}

function "reads" {
  source = "../functions/hello"
  mounts = {
    "/data"       = "../reference"
    "/etc/config" = "../functions/../functions/hello/"
    "/none"       = null
  }
}

backend "wazero" "wasm" {}
