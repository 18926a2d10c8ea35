(module (import "\1b[31mred" "\1b[2Jclear" (func)) (memory (export "memory") 1) (func (export "_start")))
