# Where does the time of a function that does nothing go?
#
# Source:   Kluften 2024 found that Docker runs 271 times slower. Its runtime
#           is all that is left of a trial once the function has started, so it
#           holds the end of the container.
# Look at:  what others published, at the end: it says how much of that is
#           teardown. Then the phases: a container takes far longer to end and
#           to be removed than this function to run, and a module's end takes
#           next to nothing.
# Takes:    about 1 minute. Needs clang with wasi-libc, or --var language=go.

experiment "anatomy" {
  description = "A function that does nothing, phase by phase."
}

variable "language" {
  description = "c gives the smallest module and binary; go and rust have a runtime to start."
  default     = "c"
}

function "noop" {
  source   = "../functions/noop"
  language = var.language
}

backend "wazero" "wasm" {}

backend "docker" "scratch" {}

# The thesis's own table.
reference "kluften2024" {
  file = "reference/kluften2024.json"
}

run {
  repetitions = 30
  warmup      = 1
}
