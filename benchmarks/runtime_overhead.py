"""What the runtime costs where it gains nothing: calls of watched and of compiled functions, giving up, `import epochly`.

Beside a watched function the same one plain and under the simplest wrapper there is (`functools.wraps`, `*args, **kwargs`);
beside a compiled one numba's dispatcher, its entry point without any check, and an empty function of Python's; beside
importing, an interpreter that imports nothing, or the modules that a typical decorator library imports.
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

CALLS = 50_000  # a turn of a few milliseconds, so that some are not interrupted on a busy machine
INNER = 20  # loop passes of the function: about a microsecond, as short as watched functions are in practice


def work(a, b):
    for _ in range(INNER):
        a += b
    return a


@functools.wraps(work)
def wrapped(*args, **kwargs):
    return work(*args, **kwargs)


def calling(function, args=(1, 2)):
    a, b = args

    def run():
        for _ in range(CALLS):
            function(a, b)

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


def empty(_a, _b):
    pass


def add(a, b):
    return a + b


def element(array, i):
    return array[i]


def put(array, i):
    array[i] = 1.5


def halve(array, i):
    array[i] = array[i] * 0.5


def decorated(function, args):
    """The decorated function, once calls go to machine code without a look at their time."""
    made = epochly.optimize(level=2, mode="aggressive")(function)
    made(*args)
    site = made.__epochly__
    (version,) = site.versions.values()
    version.samples.extend([1] * 32)  # it is judged to be fast, as a longer function would be
    version.trials.extend([1000] * 32)
    site.rearm()
    return made


def dispatching(rounds, warm_ups):
    """A call of machine code that has next to nothing to do."""
    import numba
    import numpy as np

    from epochly._exact import specialise

    answers = []
    for what, function, args, most_ns in (
        ("two ints", add, (1, 2), 200),
        ("two floats", add, (1.5, 2.5), 200),
        ("an element read", element, (np.ones(8), 1), 450),
        ("an element stored to", put, (np.ones(8), 1), 450),
        ("an element read and stored to", halve, (np.ones(8), 1), 450),
    ):
        jitted = numba.njit(function)
        jitted(*args)
        (compiled,) = jitted.overloads.values()
        sides = [
            Side("empty function", calling(empty, args)),
            Side("CPython", calling(function, args)),
            Side("compiled", calling(specialise(function, args).call, args)),
            Side("decorated", calling(decorated(function, args), args)),
            Side("njit", calling(jitted, args)),
            Side("njit's entry point, unchecked", calling(compiled.entry_point, args)),
        ]
        times = in_turns(sides, rounds=rounds, warm_ups=warm_ups)
        nothing, _, ours, through, numbas, _ = times
        over_ns = [round((each.least - nothing.least) / CALLS * 1e9) for each in (ours, through, numbas)]
        answers.append(
            Answer(
                f"{CALLS:,} calls of a compiled function: {what}",
                times,
                (slower("compiled, to njit", ours, numbas, goal=1.0),),
                (
                    f"over an empty call: compiled {over_ns[0]} ns (goal {most_ns}), decorated {over_ns[1]}, njit {over_ns[2]}",
                ),
            )
        )
    return answers


def giving_up(rounds, warm_ups):
    """A call that machine code leaves to the interpreter."""
    import numpy as np

    from epochly._exact import Deopt, specialise

    calls = CALLS // 10
    array = np.ones(8)
    compiled = specialise(halve, (array, 1)).call

    def repeated(function, error):
        def run():
            for _ in range(calls):
                try:  # noqa: SIM105 - `suppress` would take longer than what is measured
                    function(array, 99)
                except error:
                    pass

        return run

    sides = [
        Side("CPython raises", repeated(halve, IndexError)),
        Side("compiled gives up", repeated(compiled, Deopt)),
    ]
    raises, gives_up = times = in_turns(sides, rounds=rounds, warm_ups=warm_ups)
    each_us = [one.least / calls * 1e6 for one in (gives_up, raises)]
    return Answer(
        f"{calls:,} calls that end in an exception",
        times,
        (slower("giving up, to raising", gives_up, raises),),
        (f"giving up takes {each_us[0]:.2f} us, and then the interpreter raises, {each_us[1]:.2f} us",),
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
    return [
        overhead(rounds, warm_ups),
        importing(rounds, warm_ups),
        *dispatching(rounds, warm_ups),
        giving_up(rounds, warm_ups),
    ]


if __name__ == "__main__":
    options = parser(__doc__, rounds=15).parse_args()
    show(compare(rounds=options.rounds, warm_ups=options.warm_ups))
