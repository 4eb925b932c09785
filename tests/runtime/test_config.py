"""Settings come from a mapping, and what cannot be read changes least and says so."""

from __future__ import annotations

import pytest

from epochly._config import Config, checked_cache, checked_level, checked_mode, checked_workers


def test_config_reads_every_variable():
    """All four variables are heard, and nothing is said about values that are right."""
    environ = {
        "EPOCHLY_LEVEL": "1",
        "EPOCHLY_MODE": "Conservative",
        "EPOCHLY_MAX_WORKERS": "7",
        "EPOCHLY_DISABLE": "1",
    }
    assert Config.from_env(environ) == (Config(1, "conservative", 7, enabled=False), ())


def test_config_of_an_empty_environment_is_the_default():
    """Without variables, or with empty ones, functions compile in mode `balanced`."""
    empty = dict.fromkeys(["EPOCHLY_LEVEL", "EPOCHLY_MODE", "EPOCHLY_MAX_WORKERS", "EPOCHLY_DISABLE"], "")
    assert Config.from_env({}) == Config.from_env(empty) == (Config(2, "balanced", None, enabled=True), ())


@pytest.mark.parametrize(
    ("name", "text", "safe"),
    [
        ("EPOCHLY_LEVEL", "5", Config(level=0)),
        ("EPOCHLY_LEVEL", "two", Config(level=0)),
        ("EPOCHLY_LEVEL", "-1", Config(level=0)),
        ("EPOCHLY_MODE", "fast", Config(mode="monitoring")),
        ("EPOCHLY_MAX_WORKERS", "0", Config(max_workers=1)),
        ("EPOCHLY_MAX_WORKERS", "99999999999999999999", Config(max_workers=1)),
        ("EPOCHLY_MAX_WORKERS", "\N{SUPERSCRIPT TWO}", Config(max_workers=1)),
        ("EPOCHLY_DISABLE", "maybe", Config(enabled=False)),
        ("EPOCHLY_CACHE", "some/folder", Config(cache=False)),
    ],
)
def test_config_takes_the_safe_side_of_an_unreadable_value(name, text, safe):
    """A typing error never makes the runtime do more, and is told in one line that names it, with a hint."""
    config, (line,) = Config.from_env({name: text})
    assert config == safe
    assert f"`{name}` is `{text}`" in line
    assert "; hint: " in line


@pytest.mark.parametrize(
    ("check", "value"),
    [
        (checked_level, 5),
        (checked_level, True),
        (checked_level, "2"),
        (checked_mode, "fast"),
        (checked_workers, 0),
        (checked_workers, True),
        (checked_cache, "some/folder"),
        (checked_cache, 1),
    ],
)
def test_config_refuses_a_wrong_argument(check, value):
    """A call with a value out of range is the caller's mistake and raises `ValueError` with a hint."""
    with pytest.raises(ValueError, match="; hint: "):
        check(value)


@pytest.mark.parametrize(
    ("text", "cache"), [("0", False), ("off", False), ("1", None), ("", None), ("/a/folder", "/a/folder")]
)
def test_config_reads_where_compiled_code_is_kept(text, cache):
    """Nowhere, where it usually is, or in a folder."""
    assert Config.from_env({"EPOCHLY_CACHE": text}) == (Config(cache=cache), ())
