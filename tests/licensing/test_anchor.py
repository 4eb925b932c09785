"""What a machine says of itself: read without programs and rights, and told without names and addresses."""

from __future__ import annotations

import os
import platform
import re
import socket
import subprocess
import sys

import psutil
import pytest

from epochly.licensing import anchor, fingerprint

CPUINFO = "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: A  Model @ 2GHz\n\nprocessor\t: 1\nvendor_id\t: Other\n"
ARM = "processor : 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd0c\n\n"
FILES = {
    "/etc/machine-id": "9f2c4d8e1b7a4063a5d0e8c7f1b23946\n",
    "/proc/cpuinfo": CPUINFO,
    "/sys/class/dmi/id/board_vendor": "Maker\n",
    "/sys/class/dmi/id/board_name": "\n",
}


def test_linux_is_read_from_its_own_files():
    """The first processor, the board where it is shown, the root file system; what is blank or missing is left out."""
    assert anchor.linux_attributes(FILES.get, "c1a5") == {
        "board-vendor": "Maker",
        "cpu-model": "A Model @ 2GHz",
        "cpu-vendor": "GenuineIntel",
        "root-filesystem": "c1a5",
    }
    arm = anchor.linux_attributes({"/proc/cpuinfo": ARM}.get, None)
    assert arm == {"cpu-model": "0xd0c", "cpu-vendor": "0x41"}
    assert anchor.linux_attributes({}.get, None) == {}


@pytest.mark.parametrize("marker", anchor.OF_CONTAINERS)
def test_a_container_has_no_identifier(marker):
    """Its machine id is the image's, or a new one at each start."""
    assert anchor.linux_identifier(FILES.get) == FILES["/etc/machine-id"]
    assert anchor.linux_identifier((FILES | {marker: ""}).get) is None


def test_an_empty_machine_id_gives_way_to_the_other_place():
    """Images ship an empty one; D-Bus may know more, or nobody does."""
    dbus = {"/etc/machine-id": "", "/var/lib/dbus/machine-id": "ab"}
    assert anchor.linux_identifier(dbus.get) == "ab"
    assert anchor.linux_identifier({"/etc/machine-id": "\n"}.get) is None


def test_this_machine_is_read_without_programs(monkeypatch):
    """No process is started for it, no socket opened, and asking twice gives the same."""
    seen = []
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: seen.append("program"))
    monkeypatch.setattr(os, "system", lambda *_: seen.append("shell"))
    first, second = anchor.seen_here(), anchor.seen_here()
    assert first == second
    assert first.system == sys.platform
    assert {"cpu-threads", "memory-gib", "interfaces"} <= set(first.attributes)
    assert all(value == " ".join(value.split()) != "" for value in first.attributes.values())
    assert seen == []


def test_raw_attributes_hold_no_name_and_no_address():
    """The most that is ever sent has counts where names and addresses would be, and no identifier."""
    seen = anchor.seen_here()
    told = fingerprint.platform_names(sys.platform, platform.machine())
    raw = anchor.raw_attributes(seen, told)
    text = repr(raw).lower()
    interfaces = psutil.net_if_addrs()
    addresses = {each.address.lower() for of_one in interfaces.values() for each in of_one}
    assert not [address for address in addresses if len(address) > 3 and address in text]
    assert not re.search(r"([0-9a-f]{2}[:-]){5}[0-9a-f]{2}", text)
    assert socket.gethostname().lower() not in [value.lower() for value in raw.values()]
    assert not set(interfaces) & set(raw.values())
    assert raw["interfaces"] == str(len(interfaces))
    assert raw["hardware-addresses"].isdigit()
    assert raw["host-names"] == "1"
    assert (raw["os"], raw["arch"]) == told
    assert seen.identifier is None or seen.identifier.strip() not in text


def test_raw_attributes_keep_to_the_wire_s_limits():
    """At most 32 of at most 128 printable characters each, whatever a board calls itself."""
    many = {f"name-{number:03}": "é" * 500 for number in range(60)}
    raw = anchor.raw_attributes(anchor.Seen("linux", "x86_64", None, many), ("linux", "x86_64"))
    assert len(raw) == 32
    assert {value for name, value in raw.items() if name.startswith("name-")} == {"?" * 128}


def test_a_file_that_cannot_be_read_is_left_out(tmp_path):
    """Neither a missing file nor a folder raises, and a huge one is read at its beginning."""
    assert anchor.read_text(str(tmp_path / "none")) is None
    assert anchor.read_text(str(tmp_path)) is None
    (tmp_path / "big").write_bytes(b"\xff" * 100_000)
    assert len(anchor.read_text(str(tmp_path / "big"))) == anchor.MOST_BYTES
