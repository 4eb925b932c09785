"""Any bytes give a policy or one `PolicyError`, and what comes out is in force."""

from __future__ import annotations

import time

from hypothesis import given, settings
from hypothesis import strategies as st

from epochly_verify.errors import PolicyError
from epochly_verify.parse.policy import identity_from_flags, parse_policy
from epochly_verify.policy import ISSUERS, Policy

HEAD = 'schema = "epochly-verify/policy/v1"\n'
TOP_KEYS = ["require", "strict", "severity", "limits", "rule", "identity", "members"]
RULE_KEYS = [
    "projects",
    "builders",
    "kind",
    "repository",
    "ref",
    "subject",
    "issuer",
    "workflow",
    "trigger",
    "runner",
]
KEYS = st.sampled_from(["commit", "key-id", "repository-id", *TOP_KEYS, *RULE_KEYS])
TEXTS = ["'*'", "'github'", "'a/b'", "'a@b'", "'integrity'", "'https://i.example'", "'\u202e'", "''"]
OTHERS = [
    "1",
    "0.1",
    "true",
    "[]",
    "[[]]",
    "{}",
    "1979-05-27",
    "['refs/*']",
    "[{kind = 'email', subject = 'a@b'}]",
]
SCALARS = st.sampled_from([*TEXTS, *OTHERS])
LINES = st.one_of(
    st.builds("{} = {}\n".format, KEYS, SCALARS),
    st.sampled_from(
        ["[[rule]]\n", "[[rule.identity]]\n", "[[identity]]\n", "[severity]\n", "[limits]\n", "# x\n"]
    ),
)


def outcome(data):
    """The policy, or the error after looking at its parts."""
    try:
        return parse_policy(data, "policy.toml")
    except PolicyError as error:
        found = error
    assert found.code.startswith("policy-")
    assert found.where.startswith("policy.toml")
    assert found.message
    assert found.hint
    assert str(found).isprintable()
    return found


@given(st.binary(max_size=400))
def test_any_bytes_give_a_policy_or_a_policy_error(data):
    """Nothing else comes out of the parser."""
    assert isinstance(outcome(data), Policy | PolicyError)


@settings(max_examples=400)
@given(st.lists(LINES, max_size=8))
def test_any_lines_give_a_policy_that_is_in_force_or_a_policy_error(lines):
    """A policy that is accepted pins somebody in every identity, and names an issuer for it."""
    found = outcome((HEAD + "".join(lines)).encode())
    for rule in found.rules if isinstance(found, Policy) else ():
        for identity in rule.identities:
            assert identity.issuer or ISSUERS[identity.kind] or identity.kind == "key"
            assert any(
                (
                    identity.repository,
                    identity.subject,
                    identity.key_id,
                    identity.repository_id,
                    identity.owner_id,
                )
            )


@given(st.text(max_size=60), st.text(max_size=40), st.sampled_from([None, "https://gitlab.com", "x"]))
def test_any_flags_give_an_identity_or_a_policy_error(repository, ref, issuer):
    """The command line is hostile input like any other when a program fills it in."""
    error = None
    try:
        assert identity_from_flags(
            repository=repository, ref=ref or None, issuer=issuer
        ).repository.startswith("https:")
    except PolicyError as refusal:
        error = refusal
    assert error is None or (error.where.startswith("--") and str(error).isprintable())


def test_costly_bytes_are_read_or_refused_quickly():
    """The largest policies of every costly shape take seconds at most, counted in processor time."""
    most = 256 * 1024 - 100
    shapes = [
        b"[[rule]]\nprojects='a'\n",
        b"[a]\n",
        b"# x\n",
        b"a." * 120 + b"b = 1\n",
        b"[" + b"a." * 120 + b"b]\n",
        b"[[" + b'"".' * 120 + b"b]]\n",
        b"[[identity]]\nkind='email'\nsubject='a@b'\n",
        b"[[rule]]\nprojects=['a','b']\n[[rule.identity]]\nkind='email'\nsubject='a@b'\n",
    ]
    for shape in shapes:
        started = time.process_time()
        outcome(HEAD.encode() + shape * (most // len(shape)))
        assert time.process_time() - started < 5
