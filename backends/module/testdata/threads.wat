(module
  (memory (export "memory") 1 2 shared)
  (func (export "_start")
    (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1)))
    (if (i32.ne (memory.grow (i32.const 1)) (i32.const 1)) (then unreachable))
    (drop (i32.atomic.rmw.add (i32.const 65536) (i32.const 1)))))
