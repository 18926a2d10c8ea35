;; The module is made by hand: wabt 1.0.32 lacks the type of call_ref.
(module
  (type $t (func))
  (memory (export "memory") 1)
  (func $f)
  (elem declare func $f)
  (func (export "_start") (call_ref $t (ref.func $f))))
