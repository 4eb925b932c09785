"""Work in a forked child: what it does to its limits and its user ends with it."""

from __future__ import annotations

import os
import warnings


def in_a_child(work, user=0):
    """What `work()` returned in a child, as text, or the error it raised; as another user, where we are root."""
    read, write = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads that a test runner may have
        child = os.fork()
    if not child:
        try:
            if os.geteuid() == 0 and user:
                os.setgid(user)
                os.setuid(user)
            os.write(write, str(work()).encode())
        except BaseException as error:  # noqa: BLE001 - the child may not return
            os.write(write, repr(error).encode())
        finally:
            os._exit(0)
    os.close(write)
    with open(read, "rb") as file:
        said = file.read().decode()
    os.waitpid(child, 0)
    return said
