"""Compiling in another process: the first slow call is not held up, and the result comes back through the cache on disk.

`description` tells a function without running or pickling anything, `rebuilt` makes it again elsewhere, `worker` is that
elsewhere, `process` starts it and talks to it, `notes` remembers answers between processes, `errands` is what the
wrapper asks. It refuses functions that values of simple types cannot tell; these stay in the interpreter.
"""
