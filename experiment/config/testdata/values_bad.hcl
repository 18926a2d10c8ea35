n     = [1, 2]
size  = 3
sizes = local.x
