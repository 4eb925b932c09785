"""Reading the audit chain: what whoever keeps an export can tell from it alone, without this program."""

from __future__ import annotations

import hashlib
import json

import pytest
from sqlalchemy import delete, update
from test_audit import add

from epochly_service import audit_chain
from epochly_service.audit_chain import Head, faults, line_of, parse_head, read_head, read_rows, rows_of_lines
from epochly_service.errors import ServiceError
from epochly_service.schema import audit, audit_head


def judged(database, known=None):
    """What is wrong with the chain of a database."""
    head = read_head(database)
    return list(faults(read_rows(database, head), head=head, known=known))


def test_chain_that_nobody_touched_has_no_faults(database, monkeypatch):
    """A whole chain is whole, however many pages it is read in."""
    monkeypatch.setattr(audit_chain, "PAGE", 3)
    assert judged(database) == []
    add(database, 7)
    assert judged(database) == []


@pytest.mark.parametrize(
    ("tamper", "found"),
    [
        (update(audit).where(audit.c.seq == 2).values(after='{"seats_max":999}'), "row 2: was changed"),
        (update(audit).where(audit.c.seq == 2).values(account_id="acc_x"), "row 2: was changed"),
        (delete(audit).where(audit.c.seq == 2), "row 2: is missing, the next one is 3"),
        (delete(audit).where(audit.c.seq == 4), "row 4: the chain says that it ends here, but it ends at 3"),
        (update(audit).where(audit.c.seq == 3).values(prev_hash="0" * 64), "row 3: does not follow from the row before"),
        (update(audit_head).values(hash="0" * 64), "row 4: the chain says that it ends here, but it ends at 4"),
    ],
)  # fmt: skip
def test_chain_shows_what_was_done_to_it(database, tamper, found):
    """A row changed, taken away, or hung elsewhere, and a chain cut short, are each told with their row."""
    add(database, 4)
    database.write(lambda conn: conn.execute(tamper))
    assert found in judged(database)


def test_chain_rewritten_from_the_start_does_not_pass_through_a_noted_head(database):
    """Who noted a head down sees even a chain whose hashes were all made anew."""
    add(database, 2)
    known = read_head(database)
    add(database, 1)
    assert judged(database, known) == []
    rows = list(read_rows(database, read_head(database)))
    rows[0]["at"] += 1
    relinked, prev = [], "0" * 64
    for row in rows:
        row["prev_hash"] = prev
        prev = hashlib.sha256(
            line_of({name: row[name] for name in row if name != "hash"}).encode()
        ).hexdigest()
        relinked.append(row | {"hash": prev})
    assert list(faults(relinked)) == []
    assert list(faults(relinked, known=known)) == ["row 2: is not the one that was noted down"]
    assert list(faults(relinked[:1], known=known)) == ["row 2: was noted down, but the chain ends at 1"]


def test_export_can_be_judged_by_a_few_lines_of_anything(database):
    """The algorithm of the guide, with nothing but JSON and SHA-256, accepts an export and finds a change in it."""
    add(database, 3)
    lines = [line_of(row) for row in read_rows(database, read_head(database))]

    def whole(lines):
        prev = "0" * 64
        for number, line in enumerate(lines, 1):
            row = json.loads(line)
            said = row.pop("hash")
            # keys and values are ASCII here, so sorted JSON without spaces is RFC 8785's form
            text = json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            if (row["seq"], row["prev_hash"]) != (number, prev) or hashlib.sha256(
                text.encode()
            ).hexdigest() != said:
                return False
            prev = said
        return True

    assert whole(lines)
    assert not whole([lines[0].replace("operator:kim", "operator:eve"), *lines[1:]])
    assert not whole(lines[1:])
    assert list(faults(rows_of_lines([line + "\n" for line in lines], "file"))) == []


@pytest.mark.parametrize(
    "line", ["", "{", "[]", "{}", "[" * 100_000, '{"seq":1}', "null", '{"seq":1e400}', "\ud800", "x" * 70_000]
)
def test_rows_of_lines_refuse_what_is_no_row(line):
    """Any text gives rows or one clear error that names the line."""
    with pytest.raises(ServiceError, match="file:1") as caught:
        list(rows_of_lines([line], "file"))
    assert caught.value.code == "audit-line"


def test_rows_of_lines_refuse_another_spelling(database):
    """The same row with a space in it is refused: one row has one spelling."""
    add(database, 1)
    (row,) = read_rows(database, read_head(database))
    with pytest.raises(ServiceError):
        list(rows_of_lines([line_of(row).replace(":", ": ", 1)], "file"))


def test_head_is_read_as_it_is_written():
    """What `export` prints, `verify` takes; other text is refused."""
    head = Head(7, "ab" * 32)
    assert parse_head(str(head)) == head
    for text in ("", "7", "07:" + "ab" * 32, "7:" + "AB" * 32, "-1:" + "ab" * 32):
        with pytest.raises(ServiceError):
            parse_head(text)
