"""Write a matrix of costs for the solver: `costs.py SIZE FILE`."""

import sys
from random import Random

size, name = int(sys.argv[1]), sys.argv[2]
draw = Random(5)
with open(name, "w", encoding="ascii") as file:
    file.writelines(",".join(str(draw.randint(1, 999)) for _ in range(size)) + "\n" for _ in range(size))
