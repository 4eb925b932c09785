"""A licence from end to end, where a machine has another name, and where the service was put back to an older state."""

from __future__ import annotations

import shutil
from pathlib import Path


def test_a_name_is_another_machine_with_a_trial_of_its_own(machine):
    """One installation under two names in `EPOCHLY_NODE_ID` is two machines to the service: two keys, two digests, two trials."""
    one, other = machine("one"), machine("two")
    other.environ["EPOCHLY_STATE_DIR"] = one.environ["EPOCHLY_STATE_DIR"]
    assert one.here("license", "trial")[0] == 0
    assert other.status()["plan"] == "community"
    assert other.here("license", "trial")[0] == 0
    shown = [each.status() for each in (one, other)]
    assert [each["plan"] for each in shown] == ["trial", "trial"]
    for row in ("licence", "device", "kept in"):
        assert shown[0][row] != shown[1][row]
    digests = {
        each.here("device", "show")[1].split("digest, which is sent")[1].split()[0] for each in (one, other)
    }
    assert len(digests) == 2


def test_a_service_that_was_put_back_goes_on_with_its_machines(service, machine, tmp_path):
    """Restored from a backup, it follows machines that have had leases since; those it forgot take a seat again, and copies are told."""
    key, _ = service.issue(seats=3)
    one, copy, late = machine("one"), machine("copy"), machine("late")
    device = one.activate(key)
    copy.environ = one.environ | {"EPOCHLY_STATE_DIR": str(copy.state)}
    service.admin("backup", str(tmp_path / "backup"))
    one.activate(key)
    one.activate(key)
    shutil.copytree(one.state, copy.state)
    late.activate(key)
    service.stop()
    for path in Path(service.folder).glob("service.db*"):
        path.unlink()
    service.admin("restore", str(tmp_path / "backup"))
    service.start()
    service.road.lead_to(service)
    assert one.here("license", "refresh")[0] == 0
    assert one.here("license", "checkout", "1")[0] == 0
    assert one.status()["state"] == "good"
    (check,) = [each for each in service.admin("doctor")["checks"] if each["check"] == "sequence"]
    assert "1 devices had leases that were lost here" in check["notes"][0]
    assert late.here("license", "refresh")[2] == (
        "epochly: this device's key is not known there (an answer that nobody signed); hint: `epochly license activate` takes a seat\n"
    )
    assert late.status()["state"] == "good"
    late.activate(key)
    assert copy.here("license", "refresh")[0] == 1
    assert "two copies of this device's key are in use" in one.here("license", "refresh")[2]
    assert one.activate(key) == device
    assert one.status()["state"] == "good"
