"""Lock files: `parse/pylock.py`."""

from __future__ import annotations

import pytest
from hash_inputs import BAD, GOOD, ORIGIN, OTHER_WHEEL, SDIST, THIRD, WHEEL, digest_of, digests, refused

from epochly_verify.limits import DEFAULT
from epochly_verify.parse.pylock import parse_pylock

HEAD = 'lock-version = "1.0"\ncreated-by = "test"\n'
PACKAGE = HEAD + '[[packages]]\nname = "demo-pkg"\nversion = "1.0"\n'


def hashes(digest=GOOD, algorithm="sha256"):
    """The `hashes` table of one file, in TOML."""
    return f'hashes = {{ {algorithm} = "{digest}" }}'


def wheels(*rows):
    """The `wheels` of one package, in TOML."""
    return "wheels = [" + ", ".join(f"{{ {row} }}" for row in rows) + "]\n"


def parsed(text):
    """The source a lock file makes."""
    return parse_pylock(text.encode(), ORIGIN, DEFAULT)


@pytest.mark.parametrize(
    "field",
    [
        f'name = "{WHEEL}", url = "https://files.example/x"',
        f'url = "https://files.example/a/{WHEEL}"',
        f'url = "https://files.example/a/{WHEEL.replace("-", "%2D")}?token=1#x=y"',
        f'path = "./wheels/{WHEEL}"',
        f'path = "{WHEEL}"',
        f'url = "https://files.example/", path = "{WHEEL}"',
    ],
)
def test_pylock_finds_a_wheel_by_its_name(field):
    """The name is given, or what the path or URL ends with."""
    source = parsed(PACKAGE + wheels(f"{field}, {hashes()}", f'name = "{OTHER_WHEEL}", {hashes(BAD)}'))
    assert digests(source) == [("sha256", GOOD)]
    assert source.expected_for(WHEEL)[0].origin == f"{ORIGIN}:packages[0].wheels[0]"


@pytest.mark.parametrize("key", ["sdist", "archive"])
def test_pylock_finds_an_sdist_or_archive(key):
    """Source files are listed beside the wheels."""
    text = PACKAGE + f'[packages.{key}]\nurl = "https://files.example/{SDIST}"\n{hashes()}\n'
    assert digests(parsed(text), SDIST) == [("sha256", GOOD)]


def test_pylock_binds_the_algorithms_of_one_file_together():
    """All strong digests of a file are kept as one candidate; a weak one beside them is left out."""
    both = f'hashes = {{ md5 = "{digest_of("md5")}", sha256 = "{GOOD}", sha512 = "{digest_of("sha512")}" }}'
    expected = parsed(PACKAGE + wheels(f'name = "{WHEEL}", {both}')).expected_for(WHEEL)
    assert [one.algorithm for one in expected] == ["sha256", "sha512"]
    assert len({one.candidate for one in expected}) == 1


def test_pylock_binds_an_unnamed_file_of_a_locked_release():
    """Another file of a locked release must be one of the locked files; another release is not spoken of."""
    source = parsed(
        PACKAGE + wheels(f'name = "{OTHER_WHEEL}", {hashes(BAD)}', f'name = "x-1.whl", {hashes(THIRD)}')
    )
    assert digests(source) == [("sha256", BAD), ("sha256", THIRD)]
    assert digests(source, WHEEL.replace("1.0", "1.1")) == []
    assert digests(source, WHEEL.replace("1.0", "1.0+local")) == []


def test_pylock_gives_nothing_for_directories_and_repositories():
    """A package from a working tree has no artifact to compare."""
    text = (
        PACKAGE
        + '[packages.vcs]\ntype = "git"\nurl = "https://forge.example/x"\ncommit-id = "00"\n'
        + '[[packages]]\nname = "here"\n[packages.directory]\npath = "."\n'
    )
    assert parsed(text).entries == ()
    assert parsed(HEAD + "packages = []\n").entries == ()


def test_pylock_accepts_a_later_minor_version_and_foreign_tables():
    """Minor versions and `tool` tables add what this reader need not know."""
    text = PACKAGE.replace('"1.0"\ncreated', '"1.7"\ncreated') + wheels(
        f'name = "{WHEEL}", new = 1, {hashes()}'
    )
    assert digests(parsed(text + "[tool.x]\ny = 1979-05-27\n")) == [("sha256", GOOD)]


def test_pylock_tells_who_may_attest_the_package():
    """The identities are those of the artifact's own package, as the lock spells them."""
    text = (
        PACKAGE
        + wheels(f'name = "{WHEEL}", {hashes()}')
        + '[[packages.attestation-identities]]\nkind = "GitHub"\nrepository = "o/demo"\nworkflow = "r.yml"\n'
        + '[[packages]]\nname = "other"\nversion = "2"\n'
        + wheels(f'name = "other-2-py3-none-any.whl", {hashes(BAD)}')
        + '[[packages.attestation-identities]]\nkind = "Google"\nemail = "a@example.org"\n'
    )
    github = {"kind": "GitHub", "repository": "o/demo", "workflow": "r.yml"}
    assert parsed(text).identities_for(WHEEL) == (github,)
    assert parsed(text).identities_for(SDIST) == (github,)
    assert [one["kind"] for one in parsed(text).identities_for("other-2-py3-none-any.whl")] == ["Google"]
    assert parsed(text).identities_for("third-3-py3-none-any.whl") == ()


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("x = ", "bad-toml", "not TOML"),
        ("x = 1\nx = 2", "bad-toml", "not TOML"),
        ("[[package]]\n[metadata]\nlock-version = '2.0'", "unknown-format", "top-level `lock-version`"),
        (PACKAGE.replace('"1.0"', '"2.0"', 1), "unsupported-version", "`2.0`"),
        (PACKAGE.replace('"1.0"', '"10.0"', 1), "unsupported-version", "`10.0`"),
        (PACKAGE.replace('"1.0"', "1.0", 1), "bad-field", "`lock-version` is a number"),
        (HEAD, "bad-field", "`packages` is missing"),
        (HEAD + "packages = {}", "bad-field", "`packages` is a mapping, not a list"),
        (HEAD + "packages = [1]", "bad-field", "`packages[0]` is a number, not a mapping"),
        (HEAD + "[[packages]]\n", "bad-field", "`packages[0].name` is missing"),
        (HEAD + "[[packages]]\nname = 1979-05-27", "bad-field", "is a date or time, not a string"),
        (PACKAGE.replace('\nversion = "1.0"', '\nversion = "x y"'), "bad-field", "no version by PEP 440"),
        (PACKAGE + "wheels = 1", "bad-field", "`packages[0].wheels` is a number"),
        (PACKAGE + wheels(f'name = "{WHEEL}"'), "bad-field", "`packages[0].wheels[0].hashes` is missing"),
        (PACKAGE + wheels(f'name = "{WHEEL}", hashes = []'), "bad-field", "hashes` is a list, not a mapping"),
        (
            PACKAGE + wheels(f'name = "{WHEEL}", hashes = {{sha256 = 1}}'),
            "bad-field",
            "hashes.sha256` is a number",
        ),
        (
            PACKAGE + wheels(f'name = "{WHEEL}", {hashes("00")}'),
            "bad-hash",
            "64 hexadecimal digits, this is 2",
        ),
        (PACKAGE + wheels(hashes()), "bad-field", "`packages[0].wheels[0]` has neither"),
        (PACKAGE + wheels(f'url = "https://files.example/", {hashes()}'), "bad-field", "has neither"),
        (PACKAGE + wheels(f"name = 1, {hashes()}"), "bad-field", "wheels[0].name` is a number"),
        (PACKAGE + "sdist = []", "bad-field", "`packages[0].sdist` is a list"),
        (PACKAGE + "attestation-identities = {}", "bad-field", "attestation-identities` is a mapping"),
        (
            PACKAGE
            + "attestation-identities = [{repository = 'x'}]\n"
            + wheels(f'name = "{WHEEL}", {hashes()}'),
            "bad-field",
            "`packages[0].attestation-identities[0].kind` is missing",
        ),
        (HEAD + "['\x1b']\n[q", "bad-toml", "not TOML"),
        (b"\xff", "bad-toml", "byte 0"),
    ],
)
def test_pylock_refuses_what_is_not_specified(text, code, says):
    """Every wrong type is an error that names the field, and no input costs more than its length."""
    refused(parse_pylock, text, code=code, says=says)


def test_pylock_survives_long_dotted_text_in_strings():
    """The bound on dotted keys does not strike at honest strings."""
    long_url = "https://files.example/" + "/".join(["a.b"] * 50) + f"/{WHEEL}"
    assert digests(parsed(PACKAGE + wheels(f'url = "{long_url}", {hashes()}'))) == [("sha256", GOOD)]
