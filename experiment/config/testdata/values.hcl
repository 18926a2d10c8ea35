object = { name = "from a file" }
sizes  = ["overruled"]
