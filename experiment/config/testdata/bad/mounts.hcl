experiment "mounts" {}

function "folders" {
  source = "../functions/hello"
  mounts = {
    "/missing" = "../refernce"
    "/file"    = "../functions/answer.txt"
    "/device"  = "/dev/null"
    "/empty"   = ""
    "/list"    = ["../reference"]
  }
}

function "targets" {
  source = "../functions/hello"
  mounts = {
    ""              = "../reference"
    "data"          = "../reference"
    "/"             = "../reference"
    "/a//b"         = "../reference"
    "/a/../b"       = "../reference"
    "/c/"           = "../reference"
    "C:\\data"      = "../reference"
    "/proc/self"    = "../reference"
    "/sys"          = "../reference"
    "/dev/shm"      = "../reference"
    "/etc"          = "../reference"
    "/function"     = "../reference"
    "/data"         = "../reference"
    "/data/inner"   = "../reference"
    "/line\nbreak"  = "../reference"
  }
}

function "twice" {
  source = "../functions/hello"
  mounts = {
    "/data" = "../reference"
    "/data" = "../functions"
  }
}

function "text" {
  source = "../functions/hello"
  mounts = "../reference"
}

backend "wazero" "wasm" {}
