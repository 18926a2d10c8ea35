run {
  seed = 1
}
