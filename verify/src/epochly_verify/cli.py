"""The command line: arguments in, one report out, exit codes. Decides nothing itself.

Exit codes: 0 verified, 1 rejected, 2 usage or unreadable input, 3 inconclusive, 70 our own bug. They do not depend
on the output format. Data goes to stdout, everything else to stderr.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import os
import sys
import warnings
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NoReturn

from epochly_verify.api import Trust, examine, managed_key_id, unreadable
from epochly_verify.errors import InputError, PolicyError, VerifyError
from epochly_verify.gather import Wanted, attached_file, attached_sbom, embedded_trust_root, read_file
from epochly_verify.model import Verdict
from epochly_verify.parse.identity import identity_from_flags
from epochly_verify.parse.policy import builtin_policy, layers_from_names, parse_policy
from epochly_verify.policy import Policy, Rule, combine, require_everywhere
from epochly_verify.progress import Progress
from epochly_verify.render import FORMATS, RenderOptions
from epochly_verify.render.words import printable
from epochly_verify.run import summarise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from epochly_verify.model import ArtifactReport

EXIT = {Verdict.VERIFIED: 0, Verdict.REJECTED: 1, Verdict.INCONCLUSIVE: 3}
EXIT_USAGE, EXIT_BUG, EXIT_INTERRUPTED = 2, 70, 130
_EVIDENCE_OPTIONS_NEED_ONE = "`--hash`, `--bundle`, `--provenance` and `--sbom` are about one artifact"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not sys.warnoptions:  # what a library thinks of a hostile certificate is said by findings
        warnings.simplefilter("ignore")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(
            stream, io.TextIOWrapper
        ):  # a name that the terminal cannot show is escaped, not a crash
            stream.reconfigure(errors="backslashreplace")
    try:
        if arguments[:1] == ["verify-bundle"]:
            from epochly_verify.conformance import main as verify_bundle  # noqa: PLC0415 - a hidden command

            return verify_bundle(arguments[1:])
        return _run(_parser().parse_args(arguments))
    except VerifyError as error:
        return _complain(str(error))
    except BrokenPipeError:  # the reader went away, e.g. `| head`; the verdict still counts
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_USAGE
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except SystemExit:
        raise
    except BaseException as error:  # noqa: BLE001 - our own bug, or a library's panic, must never look like a verdict
        return _bug(error)


def _run(options: argparse.Namespace) -> int:
    if options.explain is not None:
        return _explain(options.explain)
    if not options.artifacts:
        return _complain("no artifact was named; hint: give one or more wheels or sdists, e.g. `dist/*.whl`")
    policy, wanted, trust = _policy(options), _wanted(options), _trust(options)
    reports: list[ArtifactReport] = []
    unread = 0
    for path, outcome in _examined(options, wanted, policy, trust):
        if isinstance(outcome, InputError):
            unread += 1
            _complain(str(outcome))
            reports.append(unreadable(path, outcome))
        else:
            reports.append(outcome)
    if unread == len(reports) and options.format == "text":
        return EXIT_USAGE  # the lines on stderr have said it all
    report = summarise(reports, policy)
    render_options = RenderOptions(
        colour=_colour(options.colour),
        unicode=_unicode(),
        width=_width(),
        now=datetime.now(UTC),
        version="" if options.format == "text" else _version(),
        policy_sha256=_policy_sha256(options.policy),
    )
    sys.stdout.write(FORMATS[options.format](report, render_options))
    sys.stdout.flush()
    if unread and report.verdict is not Verdict.REJECTED:
        return EXIT_USAGE
    return EXIT[report.verdict]


def _examined(
    options: argparse.Namespace, wanted: Wanted, policy: Policy, trust: Trust | None
) -> list[tuple[str, ArtifactReport | InputError]]:
    """Every artifact's report or the reason it could not be read, in the order given."""
    paths: list[str] = options.artifacts
    progress = Progress(len(paths))

    def one(path: str) -> ArtifactReport | InputError:
        try:
            return examine(path, wanted, policy, trust)
        except InputError as error:
            return error
        finally:
            progress.step()

    if len(paths) == 1:
        wanted = replace(wanted, jobs=options.jobs)
    if len(paths) == 1 or options.jobs == 1:
        outcomes = [one(path) for path in paths]
    else:
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - start-up time

        with ThreadPoolExecutor(max_workers=options.jobs) as pool:
            outcomes = list(pool.map(one, paths))
    progress.done()
    return list(zip(paths, outcomes, strict=True))


def _policy(options: argparse.Namespace) -> Policy:
    flags = {
        name: getattr(options, name)
        for name in ("repository", "workflow", "ref", "environment", "identity", "issuer")
        if getattr(options, name) is not None
    }
    policy: Policy | None = None
    if options.policy is not None:
        if flags:
            raise PolicyError(
                "policy-twice",
                "--policy",
                f"cannot go with `--{next(iter(flags))}`",
                "write the identity into the policy file",
            )
        policy = parse_policy(read_file(options.policy, Policy().limits.text_bytes), options.policy)
    elif flags or options.key is not None:
        identities = [identity_from_flags(**flags)] if flags else []
        if options.key is not None:  # a key that was handed over is whom to trust
            identities.append(
                identity_from_flags(
                    key_id=managed_key_id(read_file(options.key, Policy().limits.text_bytes), options.key)
                )
            )
        policy = Policy(rules=(Rule(identities=tuple(identities), origin="command line"),))
    combined = combine(policy, builtin_policy())
    if options.require:
        words = [word.strip() for given in options.require for word in given.split(",")]
        combined = require_everywhere(combined, layers_from_names(words, _refuse_require))
    return replace(combined, strict=combined.strict or options.strict)


def _refuse_require(message: str, hint: str) -> PolicyError:
    return PolicyError("unknown-layer", "--require", message, hint)


def _wanted(options: argparse.Namespace) -> Wanted:
    limits = Policy().limits
    named = [*(options.bundle or ()), *(options.provenance or ())]
    if len(options.artifacts) > 1 and (named or options.hash or options.sbom):
        raise InputError(
            "one-artifact", options.artifacts[1], "a second artifact was named", _EVIDENCE_OPTIONS_NEED_ONE
        )
    evidence = None
    if named:
        evidence = tuple(
            attached_file(path, limits, provenance=path in (options.provenance or ())) for path in named
        )
    sboms = tuple(attached_sbom(path, limits) for path in options.sbom) if options.sbom else None
    if not options.hash and not options.hashes:
        return Wanted(evidence=evidence, sboms=sboms)
    from epochly_verify.parse.hashes import (  # noqa: PLC0415 - 25 ms, only when asked for
        parse_hash_option,
        parse_hash_source,
    )

    sources = [
        parse_hash_source(read_file(path, limits.text_bytes), path, limits) for path in options.hashes or ()
    ]
    for source in sources:
        for note in source.notes:
            sys.stderr.write(f"epochly-verify: `{printable(source.origin)}`: {printable(note)}\n")
    return Wanted(
        hashes=tuple(parse_hash_option(text) for text in options.hash or ()),
        hash_sources=tuple(sources),
        evidence=evidence,
        sboms=sboms,
    )


def _trust(options: argparse.Namespace) -> Trust | None:
    """What signatures are judged against; `None` for the default, which is read when there is a signature."""
    limits = Policy().limits
    if options.trusted_root is not None:
        data, origin = read_file(options.trusted_root, limits.text_bytes), options.trusted_root
    elif options.refresh_root:
        from epochly_verify.refresh import refreshed_trust_root  # noqa: PLC0415 - network code, only when asked for

        data, origin = refreshed_trust_root(staging=options.staging)
    elif options.staging or options.key is not None:
        data, origin = embedded_trust_root(staging=options.staging)
    else:
        return None
    from epochly_verify.parse.trustroot import parse_trust_root  # noqa: PLC0415 - start-up time

    key = read_file(options.key, limits.text_bytes) if options.key is not None else b""
    return Trust(parse_trust_root(data, origin), key, options.key or "--key")


def _explain(finding_id: str) -> int:
    from epochly_verify.render.explain import explain  # noqa: PLC0415 - only for this option

    try:
        sys.stdout.write(explain(finding_id, _width()))
    except ValueError as error:
        return _complain(f"{error}; hint: the ids stand in every report and in `docs/findings.md`")
    return 0


def _complain(text: str) -> int:
    sys.stderr.write(f"epochly-verify: {printable(text)}\n")
    return EXIT_USAGE


def _bug(error: BaseException) -> int:
    import traceback  # noqa: PLC0415 - start-up time

    trace = "".join(traceback.format_exception(error))
    report_id = hashlib.sha256(trace.encode("utf-8", "replace")).hexdigest()[:8]
    last = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{type(error).__name__} in {os.path.basename(last.filename)}:{last.lineno}"
    sys.stderr.write(
        f"epochly-verify: internal error {report_id} ({where}), no verdict was reached; "
        "hint: please report it with this id and the artifact\n"
    )
    if os.environ.get("EPOCHLY_VERIFY_TRACEBACK"):
        sys.stderr.write(trace)
    return EXIT_BUG


def _colour(choice: str) -> bool:
    if choice != "auto":
        return choice == "always"
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _unicode() -> bool:
    try:
        "\u2713\u2717\u2013".encode(sys.stdout.encoding)
    except (UnicodeEncodeError, LookupError, TypeError):
        return False
    return True


def _policy_sha256(path: str | None) -> str:
    return "" if path is None else hashlib.sha256(read_file(path, Policy().limits.text_bytes)).hexdigest()


def _width() -> int:
    try:
        return min(os.get_terminal_size(sys.stdout.fileno()).columns, 120)
    except (OSError, ValueError):
        return 100


def _version() -> str:
    from epochly_verify import __version__  # noqa: PLC0415 - reads the installed metadata, which takes time

    return __version__


class _Parser(argparse.ArgumentParser):
    """Usage errors in one line with a hint, like every other message."""

    def error(self, message: str) -> NoReturn:
        self.exit(EXIT_USAGE, f"epochly-verify: {printable(message)}; hint: see `epochly-verify --help`\n")


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        parser.exit(0, f"epochly-verify {_version()}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="epochly-verify",
        description="Says, layer by layer, whether a wheel or sdist is what it claims to be.",
        epilog="exit codes: 0 verified, 1 rejected, 2 usage or unreadable input, 3 inconclusive, 70 a bug of ours",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("artifacts", nargs="*", metavar="ARTIFACT", help="a wheel or sdist")
    add(
        "--require",
        action="append",
        metavar="LAYERS",
        help="layers that must pass, comma-separated; `integrity` stands for archive, record, metadata, install",
    )
    add(
        "--strict",
        action="store_true",
        help="policy findings (start-up hooks, data descriptors, ...) become errors",
    )
    add("--format", choices=tuple(FORMATS), default="text", help="output format (default: text)")
    add(
        "--colour",
        "--color",
        choices=("auto", "always", "never"),
        default="auto",
        help="colour in text output",
    )
    add("--jobs", type=_positive, default=_cores(), metavar="N", help="threads (default: the cores at hand)")
    add("--explain", metavar="ID", help="say what a finding means, and stop")
    add("--version", action=_Version, nargs=0, help="print the version, and stop")
    group = parser.add_argument_group("expected digests")
    group.add_argument(
        "--hash", action="append", metavar="ALG:HEX", help="digest of the artifact, e.g. `sha256:9f86...`"
    )
    group.add_argument(
        "--hashes",
        "--requirements",
        "--pylock",
        "--sha256sums",
        "--index-json",
        action="append",
        metavar="FILE",
        help="published digests: requirements with hashes, pylock.toml, SHA256SUMS, or an index's JSON",
    )
    group = parser.add_argument_group("signature evidence (default: the files beside the artifact)")
    group.add_argument("--bundle", action="append", metavar="FILE", help="a Sigstore bundle")
    group.add_argument(
        "--provenance", action="append", metavar="FILE", help="a PEP 740 provenance or attestation"
    )
    group.add_argument(
        "--key", metavar="FILE", help="PEM public key, for bundles signed without a certificate"
    )
    group = parser.add_argument_group("SBOMs (default: those in the wheel, and the files beside it)")
    group.add_argument(
        "--sbom",
        action="append",
        metavar="FILE",
        help="a CycloneDX SBOM of the wheel, or an attestation of one",
    )
    group = parser.add_argument_group("trust root (default: the public-good instance, embedded)")
    roots = group.add_mutually_exclusive_group()
    roots.add_argument(
        "--trusted-root",
        "--trust-config",
        metavar="FILE",
        help="a Sigstore trust root or client trust configuration",
    )
    roots.add_argument(
        "--refresh-root", action="store_true", help="fetch the newest trust root by TUF (network)"
    )
    group.add_argument("--staging", action="store_true", help="the staging instance")
    group = parser.add_argument_group("who may sign")
    group.add_argument("--policy", metavar="FILE", help="a policy in TOML")
    group.add_argument("--repository", metavar="URL", help="source repository, as URL or `owner/name`")
    group.add_argument("--workflow", metavar="FILE", help="top-level workflow, e.g. `release.yml`")
    group.add_argument("--ref", metavar="GLOB", help="source ref, e.g. `refs/tags/v*`")
    group.add_argument("--environment", metavar="NAME", help="deployment environment")
    group.add_argument(
        "--identity", metavar="SAN", help="the certificate's subject: workflow URI or e-mail address"
    )
    group.add_argument("--issuer", metavar="URL", help="the identity provider")
    return parser


def _positive(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 256:
        raise argparse.ArgumentTypeError("must be 1 to 256")
    return value


def _cores() -> int:
    at_hand = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(at_hand or 1, 8)
