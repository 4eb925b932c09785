"""Whether pip, uv and installer would install the same: `checks/install_views.py`."""

from __future__ import annotations

import hashlib

from install_inputs import INFO, OWN, judged, member, members_judged
from wheels import Entry, attack_wheel, build_zip, wheel_entries

from epochly_verify.model import MemberKind

GOOD, EVIL = b"x = 1\n", b"evil = 1\n"
PATH = "demo_pkg/__init__.py"


def short(data):
    """A digest as messages show it."""
    return f"sha256 {hashlib.sha256(data).hexdigest()[:12]}"


def test_views_name_what_each_installer_would_install():
    """The message tells the last, the first and the streamed content apart, and which of them RECORD means."""
    (finding,) = judged(attack_wheel("z01_dup_name_diff_content")).findings
    assert finding.subject == PATH
    assert f"pip and installer would install {short(GOOD)}, uv (on a file) {short(EVIL)}" in finding.message
    assert f"a streaming reader {short(EVIL)} and then {short(GOOD)}" in finding.message
    assert finding.message.endswith(f"RECORD names {short(GOOD)}")


def test_views_say_when_record_means_neither():
    """A RECORD that fits none of the contents is said to."""
    entries = wheel_entries(OWN)
    entries[0].data = EVIL
    entries.insert(0, Entry(PATH, b"other"))
    (finding,) = judged(build_zip(entries)).findings
    assert finding.id == "installers-disagree"
    assert finding.message.endswith(f"RECORD names {short(GOOD)}, which is none of them")


def test_views_tell_what_only_one_kind_of_reader_finds():
    """An entry that only the local headers have is installed by a streaming reader alone."""
    (finding,) = judged(attack_wheel("z02_local_only_entry")).findings
    assert (
        "pip, installer and uv (on a file) would install nothing, a streaming reader sha256"
        in finding.message
    )
    assert finding.message.endswith("RECORD gives no sha256 for it")


def test_views_agree_on_an_honest_archive():
    """Equal views, directories, and duplicates of equal content are nothing to report here."""
    folder = member("demo_pkg/", kind=MemberKind.DIRECTORY)
    file = member(PATH, GOOD)
    assert members_judged([folder, file], [file]) == []
    assert members_judged([file, file], [file]) == []
    assert members_judged([file], [member(PATH, GOOD, kept=False)]) == []


def test_views_differ_when_one_reader_cannot_read_a_file():
    """Content that one reader gets and another does not is a difference."""
    unread = member(PATH)
    unread = type(unread)(PATH, MemberKind.FILE, 0)
    assert members_judged([unread], [member(PATH, GOOD)]) == ["installers-disagree"]
    assert members_judged([unread], [unread]) == []


def test_views_do_without_a_readable_record():
    """A missing or broken RECORD does not keep the difference from being told."""
    for record in ([], [member(f"{INFO}/RECORD", b"\xff\xfe")], [member(f"{INFO}/RECORD", b"x", kept=False)]):
        pair = [member(PATH, EVIL), member(PATH, GOOD)]
        assert members_judged([*record, *pair]) == ["installers-disagree"]
