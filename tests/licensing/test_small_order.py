"""Keys that anybody can sign for, worked out from the curve itself: RFC 8032, section 5.1."""

from __future__ import annotations

from hashlib import sha256

from epochly.licensing.canonical import is_small_order

P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P
ORDER = 2**252 + 27742317777372353535851937790883648493
ROOT_OF_MINUS_1 = pow(2, (P - 1) // 4, P)


def plus(one, other):
    """The sum of two points."""
    (x1, y1), (x2, y2) = one, other
    k = D * x1 * x2 * y1 * y2 % P
    return (x1 * y2 + x2 * y1) * pow(1 + k, -1, P) % P, (y1 * y2 + x1 * x2) * pow(1 - k, -1, P) % P


def times(number, point):
    """A point added to itself so often."""
    found = (0, 1)
    while number:
        if number & 1:
            found = plus(found, point)
        point, number = plus(point, point), number >> 1
    return found


def point_of(data):
    """The point that 32 bytes stand for, read as kindly as libraries do; None for none."""
    number = int.from_bytes(data, "little")
    y = number % 2**255 % P
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * ROOT_OF_MINUS_1 % P
    if x * x % P != square:
        return None
    return (-x % P if x % 2 != number >> 255 else x), y


def eighth(point):
    """A point whose order divides 8, from any."""
    return times(ORDER, point)


def test_the_eight_points_of_small_order_are_refused_in_every_encoding():
    """All points of order 1, 2, 4 and 8, with `y` below 2^255 and any sign that reads as one of them: 14 texts."""
    seeds = (sha256(bytes([seed])).digest() for seed in range(60))
    small = {eighth(point) for seed in seeds if (point := point_of(seed)) is not None}
    assert len(small) == 8
    encodings = {
        (y + more + (sign << 255)).to_bytes(32, "little")
        for _, y in small
        for more in (0, P)
        if y + more < 2**255
        for sign in (0, 1)
    }
    assert len(encodings) == 14
    assert all(is_small_order(each) for each in encodings)
    assert all(times(8, point_of(each)) == (0, 1) for each in encodings)


def test_every_other_key_is_of_large_order():
    """Keys that are not refused are points that eight additions do not bring to nothing."""
    for seed in range(200):
        key = sha256(b"key" + bytes([seed])).digest()
        point = point_of(key)
        assert not is_small_order(key)
        assert point is None or times(8, point) != (0, 1)
