"""One signed wheel, judged by the command in all its layers, against the `sigstore verify` command.

Both are started as programs, once a turn, offline, with the same wheel, bundle and identity. The other command looks
at the digest and the signature only; ours also reads the archive, RECORD, metadata and start-up hooks.
"""

from __future__ import annotations

from side_by_side import (
    VECTORS,
    Answer,
    Side,
    clean_environment,
    command,
    in_turns,
    parser,
    process,
    show,
    slower,
)

WHEEL = VECTORS / "signed" / "rfc8785" / "rfc8785-0.1.2-py3-none-any.whl"
BUNDLE = f"{WHEEL}.sigstore.json"
REPOSITORY, WORKFLOW, REF = "trailofbits/rfc8785.py", "release.yml", "refs/tags/v0.1.2"
SAN = f"https://github.com/{REPOSITORY}/.github/workflows/{WORKFLOW}@{REF}"
ISSUER = "https://token.actions.githubusercontent.com"
GOAL = 1.25  # times the other command


def measure(*, rounds: int, warm_ups: int) -> list[Answer]:
    """The ratio of both commands' times."""
    ours = [command("epochly-verify"), WHEEL, "--bundle", BUNDLE, "--repository", REPOSITORY]
    ours += ["--workflow", WORKFLOW, "--ref", REF]
    other = [command("sigstore"), "verify", "identity", "--offline", "--bundle", BUNDLE]
    other += ["--cert-identity", SAN, "--cert-oidc-issuer", ISSUER, WHEEL]
    with clean_environment() as environment:
        sides = (
            Side("epochly-verify, all layers", process(ours, environment)),
            Side("sigstore verify identity --offline", process(other, environment)),
        )
        times = in_turns(sides, rounds=rounds, warm_ups=warm_ups)
    figure = slower("time, over the other command's", *times, goal=GOAL)
    return [Answer("signed: one signed wheel, as a program", times, (figure,))]


def main() -> None:
    """Measure and print."""
    options = parser(__doc__, rounds=15).parse_args()
    show(measure(rounds=options.rounds, warm_ups=options.warm_ups))


if __name__ == "__main__":
    main()
