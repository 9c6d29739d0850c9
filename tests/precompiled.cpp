// Empty. The target of this file compiles the headers that all tests read, once.
