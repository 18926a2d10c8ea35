# When is it better to interpret a module than to compile it?
#
# Source:   Gackstatter (WOW) compared engines and found 39 % to 88 % of native
#           throughput; an interpreter is far below, but has nothing to
#           compile.
# Look at:  total of cold starts against the input's size: the interpreter
#           leads while the work is small, until the compiler has earned back
#           its time. Prepared shows the two without their preparations.
# Takes:    about 2 minutes. Needs Go.

experiment "interpreter" {
  description = "wazero's interpreter against its compiler."
}

function "fibonacci-recursive" {
  source = "../functions/fibonacci-recursive"
  inputs = {
    for a in jsondecode(file("../functions/fibonacci-recursive/answers.json")) :
    a.name => { stdin = a.stdin, expect = a.expect }
    if contains(["n=5", "n=15", "n=20", "n=25"], a.name)
  }
}

backend "wazero" "compiler" {
  start = ["cold", "prepared"]
}

backend "wazero" "interpreter" {
  start = ["cold", "prepared"]
  mode  = "interpreter"
}

run {
  repetitions = 10
  warmup      = 1
}
