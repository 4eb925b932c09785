"""`parse_policy`: what a policy file may say, and one clear refusal for everything else.

A long table: every key has its good and its bad line.
"""

from __future__ import annotations

import pytest

from epochly_verify.errors import PolicyError
from epochly_verify.limits import DEFAULT
from epochly_verify.model import Layer, Severity
from epochly_verify.parse.policy import layers_from_names, parse_policy
from epochly_verify.policy import INTEGRITY, STANDARD, Identity, Policy, Rule, require_everywhere

HEAD = 'schema = "epochly-verify/policy/v1"\n'
SIGNED = {Layer.SIGNATURE, Layer.IDENTITY}


def read(text):
    """The policy of a file with the schema line before `text`."""
    return parse_policy((HEAD + text).encode(), "policy.toml")


def identity(text):
    """The one identity of a file with these lines."""
    ((found,),) = (rule.identities for rule in read(f"[[identity]]\n{text}").rules)
    return found


def refusal(text, head=HEAD):
    """The error for a file, as (code, path in the file, message, hint)."""
    data = text if isinstance(text, bytes) else (head + text).encode()
    with pytest.raises(PolicyError) as caught:
        parse_policy(data, "policy.toml")
    error = caught.value
    assert error.where == "policy.toml" or error.where.startswith("policy.toml: ")
    assert error.message
    assert error.hint
    assert str(error).isprintable()
    return error.code, error.where.removeprefix("policy.toml").removeprefix(": "), error.message, error.hint


def test_policy_with_the_schema_alone_is_the_default():
    """What a file does not say is as without a file."""
    assert read("") == Policy()


def test_policy_reads_every_key():
    """Each key arrives in its place, in one spelling."""
    policy = read(
        """
        require = ["integrity", "hash"]
        strict = true

        [severity]
        identity-mismatch = "warning"
        provenance-build-inputs = "error"

        [limits]
        members = 5
        member-bytes = 1_000

        [[rule]]
        projects = ["My_Pkg", "acme.*"]
        require = "provenance"
        builders = "https://github.com/acme/build/*"
        build-types = ["https://builder.example/type/v1"]

        [[rule.identity]]
        kind = "github"
        repository = "Acme/Tools.git"
        repository-id = 12
        owner-id = "34"
        workflow = "release.yml"
        ref = "refs/tags/v*"
        tag-matches-version = true
        environment = "release"
        trigger = ["push", "workflow_dispatch"]
        runner = "self-hosted"
        signer = "https://github.com/acme/build/.github/workflows/w.yml@*"
        commit = "08802EFE1F8E5FEC4AD842D6B8CE97656092EE72"
        subject = "https://github.com/acme/*"
        issuer = "https://token.actions.githubusercontent.com/acme"

        [[rule]]
        projects = "other"
        identity = []

        [[identity]]
        kind = "key"
        key-id = "8F434346648F6B96DF89DDA901C5176B10A6D83961DD3C1AC88B59B2DC327AA4"
        """
    )
    assert policy.require == INTEGRITY | {Layer.HASH}
    assert policy.strict is True
    assert policy.severities == {
        "identity-mismatch": Severity.WARNING,
        "provenance-build-inputs": Severity.ERROR,
    }
    assert (policy.limits.members, policy.limits.member_bytes) == (5, 1000)
    assert policy.limits.ratio == DEFAULT.ratio
    first, second, last = policy.rules
    assert first == Rule(
        projects=("my-pkg", "acme-*"),
        identities=(
            Identity(
                kind="github",
                repository="https://github.com/Acme/Tools",
                repository_id="12",
                owner_id="34",
                workflow="release.yml",
                ref=("refs/tags/v*",),
                tag_matches_version=True,
                environment="release",
                trigger=("push", "workflow_dispatch"),
                runner="self-hosted",
                signer="https://github.com/acme/build/.github/workflows/w.yml@*",
                commit="08802efe1f8e5fec4ad842d6b8ce97656092ee72",
                subject="https://github.com/acme/*",
                issuer="https://token.actions.githubusercontent.com/acme",
            ),
        ),
        require=frozenset(SIGNED | {Layer.PROVENANCE}),
        builders=("https://github.com/acme/build/*",),
        build_types=("https://builder.example/type/v1",),
        origin="policy.toml: rule[0]",
    )
    assert second == Rule(projects=("other",), origin="policy.toml: rule[1]")
    assert last.projects == ("*",)
    assert last.identities[0].key_id.startswith("8f434346")
    assert [policy.rule_for(name) for name in ("my-pkg", "acme-x", "other", "else")] == [
        first,
        first,
        second,
        last,
    ]


@pytest.mark.parametrize(
    ("names", "layers"),
    [
        (["integrity"], INTEGRITY),
        (["signature"], SIGNED),
        (["identity"], SIGNED),
        (["provenance"], SIGNED | {Layer.PROVENANCE}),
        (["integrity", "identity"], STANDARD),
        (["hash", "sbom"], {Layer.HASH, Layer.SBOM}),
    ],
)
def test_required_signature_always_asks_whose_it_is(names, layers):
    """A valid signature by anybody, or provenance by anybody, can never make a verdict good."""
    assert layers_from_names(names, lambda message, _: AssertionError(message)) == layers


def test_required_layers_are_never_none():
    """A list of no layers would make every verdict good, or none; it is refused."""
    with pytest.raises(PolicyError, match="names no layer"):
        layers_from_names([], lambda message, hint: PolicyError("x", "--require", message, hint))


def test_require_everywhere_outranks_the_rules():
    """A flag asks of every artifact, whatever a rule asks of its projects."""
    policy = read('[[rule]]\nprojects = "a"\nrequire = "provenance"\n')
    changed = require_everywhere(policy, INTEGRITY)
    assert changed.require == INTEGRITY
    assert [rule.require for rule in changed.rules] == [None]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            'kind = "gitlab"\nrepository = "acme/tools/demo"',
            Identity("gitlab", repository="https://gitlab.com/acme/tools/demo"),
        ),
        (
            'kind = "gitlab"\nrepository = "https://gitlab.acme.example/x/y"\nissuer = "https://gitlab.acme.example"',
            Identity(
                "gitlab", repository="https://gitlab.acme.example/x/y", issuer="https://gitlab.acme.example"
            ),
        ),
        (
            'kind = "github"\nrepository = "github.com/acme/x/"',
            Identity("github", repository="https://github.com/acme/x"),
        ),
        ('kind = "github"\nowner-id = 2314423', Identity("github", owner_id="2314423")),
        ('kind = "google"\nsubject = "a@example.com"', Identity("google", subject="a@example.com")),
        ('kind = "email"\nsubject = "*@example.com"', Identity("email", subject="*@example.com")),
        (
            'kind = "any"\nsubject = "x"\nissuer = "https://i.example/a"',
            Identity("any", subject="x", issuer="https://i.example/a"),
        ),
        (
            'kind = "circleci"\nproject-id = "FDD9283F-e619-46af-8f9c-851f7d3e8b2b"',
            Identity("circleci", project_id="fdd9283f-e619-46af-8f9c-851f7d3e8b2b"),
        ),
        (
            'kind = "circleci"\nrepository = "bitbucket.org/a/b"\nref = "refs/heads/main"',
            Identity("circleci", repository="https://bitbucket.org/a/b", ref=("refs/heads/main",)),
        ),
    ],
)
def test_identity_of_each_kind_is_read(text, expected):
    """Every kind has its own keys, and comes out in one spelling."""
    assert identity(text) == expected


@pytest.mark.parametrize(
    ("head", "text", "code", "where", "hint"),
    [
        ("", "", "policy-schema", "schema", 'schema = "epochly-verify/policy/v1"'),
        ("", 'schema = "epochly-verify/policy/v2"', "policy-schema", "schema", "epochly-verify/policy/v1"),
        ("", "schema = 1", "policy-type", "schema", "quotes"),
        (HEAD, "requires = []", "policy-unknown-key", "requires", "did you mean `require`?"),
        (HEAD, '"\\u001b" = 1', "policy-unknown-key", "`\\u001b`", "known keys are"),
        (HEAD, "require = []", "policy-value", "require", "leave the key out"),
        (HEAD, "require = 5", "policy-type", "require", "write"),
        (HEAD, 'require = ["signatur"]', "policy-value", "require", "did you mean `signature`?"),
        (HEAD, 'require = ["zzz"]', "policy-value", "require", "known layers are `archive`"),
        (HEAD, 'strict = "yes"', "policy-type", "strict", "write `true` or `false`"),
        (HEAD, "strict = 1979-05-27", "policy-type", "strict", "write `true` or `false`"),
        (HEAD, "severity = []", "policy-type", "severity", "write it as `[severity]`"),
        (
            HEAD,
            "[severity]\nidentity-missmatch = 'info'",
            "policy-unknown-key",
            "severity.identity-missmatch",
            "did you mean `identity-mismatch`?",
        ),
        (
            HEAD,
            "[severity]\nidentity-mismatch = 'off'",
            "policy-value",
            "severity.identity-mismatch",
            "`error`, `warning`, `info`",
        ),
        (HEAD, "[severity]\nidentity-mismatch = 1", "policy-type", "severity.identity-mismatch", "quotes"),
        (
            HEAD,
            "[limits]\nmember_bytes = 1",
            "policy-unknown-key",
            "limits.member_bytes",
            "did you mean `member-bytes`?",
        ),
        (HEAD, "[limits]\nmembers = 0", "policy-value", "limits.members", "plain digits"),
        (HEAD, "[limits]\nmembers = -5", "policy-value", "limits.members", "plain digits"),
        (HEAD, "[limits]\nmembers = true", "policy-value", "limits.members", "plain digits"),
        (HEAD, "[limits]\nmembers = 1.5", "policy-value", "limits.members", "plain digits"),
        (HEAD, "[limits]\nmembers = 9223372036854775808", "policy-value", "limits.members", "plain digits"),
        (HEAD, "[rule]\nprojects = 'a'", "policy-type", "rule", "write each as `[[rule]]`"),
        (HEAD, "rule = [1]", "policy-type", "rule[0]", "write it as `[[rule]]`"),
        (HEAD, "[[rule]]\nrequire = 'hash'", "policy-value", "rule[0].projects", 'projects = ["*"]'),
        (HEAD, "[[rule]]\nprojects = []", "policy-value", "rule[0].projects", "leave the key out"),
        (HEAD, "[[rule]]\nprojects = 'a/b'", "policy-value", "rule[0].projects", "write e.g."),
        (HEAD, "[[rule]]\nprojects = ['a', '']", "policy-value", "rule[0].projects[1]", "leave the key out"),
        (
            HEAD,
            "[[rule]]\nproject = 'a'",
            "policy-unknown-key",
            "rule[0].project",
            "did you mean `projects`?",
        ),
        (HEAD, "[[rule]]\nprojects='a'\nbuilders = '*'", "policy-value", "rule[0].builders", "what is fixed"),
        (HEAD, "[[rule]]\nprojects='a'\nbuild-types = 1", "policy-type", "rule[0].build-types", "write"),
        (HEAD, "[[rule]]\nprojects='a'\nidentity = 'x'", "policy-type", "rule[0].identity", "[[identity]]"),
        (
            HEAD,
            "[[rule]]\nprojects='*'\n[[rule]]\nprojects='a'",
            "policy-value",
            "rule[1]",
            "put the rule for `*` last",
        ),
        (
            HEAD,
            "[[rule]]\nprojects='*'\n[[identity]]\nkind='key'\nkey-id='" + "a" * 64 + "'",
            "policy-value",
            "identity",
            "put the rule for `*` last",
        ),
    ],
)
def test_policy_refuses_what_it_does_not_understand(head, text, code, where, hint):
    """A key or value that would silently not be in force is refused, with its place and its cure."""
    found = refusal(text, head)
    assert found[:2] == (code, where)
    assert hint in found[3]


@pytest.mark.parametrize(
    ("lines", "key", "hint"),
    [
        ("", "kind", "`github`"),
        ("kind = 'githb'", "kind", "did you mean `github`?"),
        ("kind = 'unsupported'", "kind", "known kinds are"),
        ("kind = 'github'", "kind", "add one of `repository`"),
        (
            "kind = 'github'\nworkflow = 'release.yml'\nref = 'refs/heads/main'",
            "kind",
            "add one of `repository`",
        ),
        ("kind = 'email'", "subject", "address"),
        ("kind = 'google'\nsubject = 'alice'", "subject", "address"),
        ("kind = 'key'", "kind", "add one of `key-id`"),
        ("kind = 'circleci'\nref = 'refs/heads/main'", "kind", "add one of `project-id`"),
        ("kind = 'any'\nsubject = 'x'", "issuer", "who vouches"),
        ("kind = 'any'\nissuer = 'https://i.example'", "kind", "add one of `subject`"),
        ("kind = 'github'\nsubject = '**'", "subject", "what is fixed"),
        (
            "kind = 'google'\nsubject = 'a@b'\nissuer = 'https://x.example'",
            "issuer",
            "this kind knows `subject`",
        ),
        ("kind = 'key'\nkey-id = 'a'\nrepository = 'a/b'", "repository", "this kind knows `key-id`"),
        ("kind = 'circleci'\nproject-id = 'x'\nworkflow = 'x.yml'", "workflow", "this kind knows"),
        ("kind = 'github'\nrepository = 'a/b'\nproject-id = 'x'", "project-id", "this kind knows"),
        ("kind = 'github'\nrepository = 'a/b'\nworkfow = 'x.yml'", "workfow", "did you mean `workflow`?"),
        ("kind = 'github'\nrepository = 'a/b'\nrefs = 'x'", "refs", "did you mean `ref`?"),
        ("kind = 'github'\nrepository = 'a/b'\nref = 'main'", "ref", "`refs/heads/main` for a branch"),
        ("kind = 'github'\nrepository = 'a/b'\nref = []", "ref", "leave the key out"),
        ("kind = 'github'\nrepository = 'a/b'\nref = [1]", "ref[0]", "quotes"),
        ("kind = 'github'\nrepository = 'a/b'\nref = ''", "ref", "leave the key out"),
        ("kind = 'github'\nrepository = 'a/b'\ntrigger = 'a push'", "trigger", "event's name"),
        ("kind = 'github'\nrepository = 'a/b'\nrunner = 'github'", "runner", "did you mean `github-hosted`?"),
        (
            "kind = 'gitlab'\nrepository = 'a/b'\nrunner = 'github-hosted'",
            "runner",
            "did you mean `gitlab-hosted`?",
        ),
        ("kind = 'github'\nrepository = 'a/b'\ncommit = '08802efe1f8e'", "commit", "copy the whole value"),
        ("kind = 'github'\nrepository = 'a/b'\nworkflow = 'Release'", "workflow", "with its `.yml`"),
        ("kind = 'github'\nrepository = 'a/b'\nworkflow = '../x.yml'", "workflow", "write the file's name"),
        (
            "kind = 'github'\nrepository = 'a/b'\nworkflow = 'https://x/y.yml'",
            "workflow",
            "write the file's name",
        ),
        ("kind = 'github'\nrepository = 'a/b'\nsigner = 'a/b/w.yml'", "signer", "`@*` takes every ref"),
        ("kind = 'github'\nrepository = 'a/b'\nissuer = 'token.actions'", "issuer", "as in the certificate"),
        (
            "kind = 'github'\nrepository = 'a/b'\ntag-matches-version = 'yes'",
            "tag-matches-version",
            "`true` or `false`",
        ),
        (
            "kind = 'github'\nrepository = 'a/b'\nrepository-id = 'abc'",
            "repository-id",
            "the number the forge shows",
        ),
        ("kind = 'github'\nrepository-id = true", "repository-id", "the number the forge shows"),
        ("kind = 'github'\nrepository-id = 0", "repository-id", "the number the forge shows"),
        ("kind = 'key'\nkey-id = 'abc'", "key-id", "copy the whole value"),
        ("kind = 'circleci'\nproject-id = 'abc'", "project-id", "copy the whole value"),
        ("kind = 'github'\nrepository = 'acme'", "repository", "write `OWNER/NAME`"),
        ("kind = 'github'\nrepository = 'a/b/c'", "repository", "write `OWNER/NAME`"),
        ("kind = 'github'\nrepository = 'a/..'", "repository", "write `OWNER/NAME`"),
        ("kind = 'github'\nrepository = 'a/*'", "repository", "write `OWNER/NAME`"),
        ("kind = 'github'\nrepository = 'http://github.com/a/b'", "repository", "https://HOST/OWNER/NAME"),
        ("kind = 'github'\nrepository = 'git@github.com:a/b.git'", "repository", "https://HOST/OWNER/NAME"),
        ("kind = 'github'\nrepository = 'https://a@github.com/a/b'", "repository", "https://HOST/OWNER/NAME"),
        ("kind = 'github'\nrepository = 'https://github.com/a/b?x'", "repository", "write `OWNER/NAME`"),
        ("kind = 'github'\nrepository = 'https://gitlab.com/a/b'", "repository", "use kind `gitlab`"),
        ("kind = 'gitlab'\nrepository = 'https://github.com/a/b'", "repository", "use kind `github`"),
        ("kind = 'github'\nrepository = 'https://ghe.example/a/b'", "repository", "name the `issuer`"),
        (
            "kind = 'github'\nrepository = \"a/b\\u0007\"",
            "repository",
            "type it anew",
        ),
        ("kind = 'github'\nrepository = '" + "a" * 3000 + "'", "repository", "shorten it"),
    ],
)
def test_identity_that_cannot_match_or_pins_nobody_is_refused(lines, key, hint):
    """An identity says whom to trust, in words its kind of certificate can prove."""
    _, where, _, found = refusal(
        f"[[rule]]\nprojects = 'a'\n[[rule]]\nprojects = 'b'\n[[rule.identity]]\n{lines}"
    )
    assert where == f"rule[1].identity[0].{key}"
    assert hint in found


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "policy-schema"),
        (b"\xff", "policy-syntax"),
        (b"schema = ", "policy-syntax"),
        (b"\xef\xbb\xbfschema = 'x'", "policy-syntax"),
        (b"x = " + b"[" * 50_000, "policy-syntax"),
        (b"x = " + b"9" * 5_000, "policy-syntax"),
        (b"a." * 10_000 + b"b = 1", "policy-syntax"),
        (b'"\\"".' * 10_000 + b"b = 1", "policy-syntax"),
        (b"x = {" + b'"".' * 10_000 + b"b = 1}", "policy-syntax"),
        (b"#" * (256 * 1024 + 1), "policy-too-large"),
    ],
)
def test_bytes_that_are_no_policy_are_refused(data, code):
    """Unreadable bytes are one clear error that names the file."""
    assert refusal(data)[0] == code


def test_long_lists_are_refused():
    """A list is bounded, so that judging stays cheap."""
    assert refusal("require = [" + "'hash'," * 1001 + "]")[1] == "require"
