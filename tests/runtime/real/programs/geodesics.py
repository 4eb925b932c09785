"""The longest of many geodesics on the ellipsoid."""

import sys

from geographiclib.geodesic import Geodesic

earth, longest = Geodesic.WGS84, 0.0
for i in range(int(sys.argv[1])):
    for j in range(400):
        found = earth.Inverse(i - 30.0, 0.0, j * 0.2 - 40.0, i * j * 0.007)
        longest = max(longest, found["s12"])
sys.stdout.write(f"{longest:.3f} m\n")
