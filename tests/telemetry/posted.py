"""What waits to be sent, and what the log of what was sent says, for tests of sending."""

from __future__ import annotations

from epochly.telemetry import log
from epochly.telemetry.files import SPOOL
from epochly.telemetry.post import log_of, sendings_in


def waiting(files):
    """What waits, oldest first."""
    spool = files.inside(SPOOL)
    return [spool.read(name) for name in sorted(spool.sizes())]


def verified(world, **more):
    """What `verify` says of the log."""
    head = more.get("head", sendings_in(world.files).head)
    return log.verify(
        log_of(world.files), head, lambda _base, keyset, receipt, body: world.judge(keyset, "", receipt, body)
    )
