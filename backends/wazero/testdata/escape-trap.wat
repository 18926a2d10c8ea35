;; In the module, Q! of the name is ESC [, which no text format can write.
(module
  (memory (export "memory") 1)
  (func $Q!31mred unreachable)
  (func (export "_start") (call 0)))
