experiment "x" {
  descripton = "a letter short"
}

function "hello" {
  source = "../functions/hello"
  input "a" {
    stdn = "1"
  }
  inputs = {
    b = { expct = "1" }
  }
}

backend "docker" "small" {
  memroy = "64MiB"
  mount {
    path  = "/"
    paths = "/"
  }
}

run {
  repetition = 3
  untill {}
}
