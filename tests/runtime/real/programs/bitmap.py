"""Encode a picture as a blurhash, and decode it again."""

import math
import sys

from blurhash import decode, encode

SIDE = 64
picture = [
    [[int(127 + 127 * math.sin(x * k / 9 + y / 7)) for k in (1, 2, 3)] for x in range(SIDE)]
    for y in range(SIDE)
]
for components in range(2, int(sys.argv[1])):
    text = encode(picture, components, components)
    again = decode(text, SIDE, SIDE)
    sys.stdout.write(f"{components} {text[:12]} {sum(sum(map(sum, row)) for row in again)}\n")
