"""The differential fuzzer of the exact compiler: random programs, run in the interpreter and as machine code, compared.

`program` writes a program of a theme, `inputs` draws the arguments of its calls, `ambient` changes the world around some of
them, `comparing` says whether two calls ended alike, `running` does it many times and counts, and `mutants` breaks the
compiler on purpose to show that all this would notice. The oracle is CPython with NumPy. It refuses to use more than 4 GiB.
"""
