"""The store among processes: real ones, that write and read the same keys, and die while they write."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

from epochly._cache import Limits, open_store

KEY, PAYLOAD = "ab" * 32, bytes(2000)

WORKER = """
import hashlib, sys
from epochly._cache.store import Limits, open_store
folder, seed, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
store = open_store(folder, Limits(entries=6))
hits = 0
for number in range(rounds):
    key = f"{(number * seed) % 8:064x}"
    content = hashlib.sha256(key.encode()).digest()
    found = store.get(key)
    hits += found is not None
    assert found is None or (len(set(found[i:i + 32] for i in range(0, len(found), 32))) == 1 and found[:32] == content), key
    assert store.put(key, content * (1 + (number * seed) % 3000)), store.trouble
print(hits)
"""


def test_many_processes_see_whole_entries(tmp_path):
    """Processes that write and read the same keys at once never get half an entry, nor an error."""
    command = [sys.executable, "-c", WORKER, str(tmp_path / "cache")]
    workers = [
        subprocess.Popen([*command, str(seed), "150"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for seed in (1, 3, 5, 7)
    ]
    ends = [(worker.communicate(timeout=120), worker.returncode) for worker in workers]
    assert [(error, code) for (_, error), code in ends] == [(b"", 0)] * 4
    assert all(int(out) > 0 for (out, _), _ in ends)
    assert not [name for name in os.listdir(tmp_path / "cache") if name.endswith(".part")]
    store = open_store(str(tmp_path / "cache"), Limits(entries=6))
    store.put(KEY, PAYLOAD)
    assert len([name for name in os.listdir(store.folder) if name.endswith(".entry")]) <= 6


def test_a_killed_writer_leaves_whole_entries(tmp_path):
    """Whenever a process dies, every entry that is there is whole."""
    store = open_store(str(tmp_path / "cache"))
    for pause in (0.0, 0.01, 0.03):
        worker = subprocess.Popen(
            [sys.executable, "-c", WORKER, store.folder, "1", "1000000"], stderr=subprocess.DEVNULL
        )
        while not any(name.endswith(".entry") for name in os.listdir(store.folder)):
            assert worker.poll() is None
            time.sleep(0.01)
        time.sleep(pause)
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        entries = [
            name.removesuffix(".entry") for name in os.listdir(store.folder) if name.endswith(".entry")
        ]
        assert entries
        assert all(store.get(key) for key in entries)
        for key in entries:
            store.drop(key)
