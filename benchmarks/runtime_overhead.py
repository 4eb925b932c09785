"""What the runtime costs where it gains nothing: a call of a function that is only watched, and `import epochly`.

Beside it the same function plain and under the simplest wrapper there is (`functools.wraps`, `*args, **kwargs`), and an
interpreter that imports nothing, or the modules that a typical decorator library imports.
"""

from __future__ import annotations

import functools
import sys

from side_by_side import (
    Answer,
    Side,
    clean_environment,
    in_turns,
    parser,
    process,
    show,
    slower,
)

import epochly

CALLS = 200_000
INNER = 20  # loop passes of the function: about a microsecond, as short as watched functions are in practice


def work(a, b):
    for _ in range(INNER):
        a += b
    return a


@functools.wraps(work)
def wrapped(*args, **kwargs):
    return work(*args, **kwargs)


def calling(function):
    def run():
        for _ in range(CALLS):
            function(1, 2)

    return run


def overhead(rounds, warm_ups):
    watched = epochly.optimize(level=0)(work)
    sides = [
        Side("plain", calling(work)),
        Side("watched by epochly", calling(watched)),
        Side("*args, **kwargs wrapper", calling(wrapped)),
    ]
    plain, ours, simplest = times = in_turns(sides, rounds=rounds, warm_ups=warm_ups)
    extra_ns = (ours.least - plain.least) / CALLS * 1e9
    wrapper_ns = (simplest.least - plain.least) / CALLS * 1e9
    return Answer(
        f"{CALLS:,} calls of a function of {INNER} loop passes that epochly only watches",
        times,
        (
            slower("watched, to plain", ours, plain),
            slower("watched, to the wrapper", ours, simplest, goal=1.1),
        ),
        (
            f"{extra_ns:.0f} ns a call more than plain; the wrapper takes {wrapper_ns:.0f} ns more, and counts nothing",
        ),
    )


def importing(rounds, warm_ups):
    with clean_environment() as environment:

        def starting(code):
            return process([sys.executable, "-c", code], environment)

        sides = [
            Side("nothing", starting("pass")),
            Side("import epochly", starting("import epochly")),
            Side("first epochly.optimize", starting("import epochly; epochly.optimize(lambda x: x)")),
            Side("dataclasses, inspect, typing", starting("import dataclasses, inspect, typing")),
            Side("import numpy", starting("import numpy")),
        ]
        times = in_turns(sides, rounds=rounds, warm_ups=warm_ups)
    nothing, ours, first, *_ = times
    added = [(each.least - nothing.least) * 1000 for each in (ours, first)]
    return Answer(
        "starting an interpreter",
        times,
        (slower("import epochly, to nothing", ours, nothing, goal=1.2),),
        (f"import epochly adds {added[0]:.1f} ms, with the first decorator {added[1]:.1f} ms",),
    )


def compare(*, rounds, warm_ups):
    return [overhead(rounds, warm_ups), importing(rounds, warm_ups)]


if __name__ == "__main__":
    options = parser(__doc__, rounds=15).parse_args()
    show(compare(rounds=options.rounds, warm_ups=options.warm_ups))
