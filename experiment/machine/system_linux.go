package machine

// readable says that this system has the files that are read here.
const readable = true

const notHere = ""
