(module (memory 40) (func (export "_start")))
