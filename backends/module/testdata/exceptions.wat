;; The module is made by hand: this is the newer form, which wabt 1.0.32 lacks.
(module
  (memory (export "memory") 1)
  (tag $e (param i32))
  (func (export "_start")
    (block $caught (result i32)
      (try_table (catch $e $caught) (throw $e (i32.const 7)))
      unreachable)
    (if (i32.ne (i32.const 7)) (then unreachable))))
