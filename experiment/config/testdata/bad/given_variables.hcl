# --var n=many
# --var m=3
# --var repetitons=3
# --var nothing
# --var sizes={a=1}
# --var flags=[1,
# --var list=[var.n]
# --var-file testdata/values_bad.hcl
variable "n" {
  default = 1
}

variable "repetitions" {
  default = 1
}

variable "sizes" {
  default = [1, 2]
}

variable "flags" {
  type = list(bool)
}

variable "list" {
  type = list(number)
}

variable "computed" {
  default = "${var.n}0"
}

variable "type" {
  type    = lst(string)
  default = []
}

variable "not-a-number" {
  type    = number
  default = "x"
}

variable "0" {
  default = 0
}
experiment "x" {}

function "hello" {
  source = "../functions/hello"
}

backend "wazero" "wasm" {}
