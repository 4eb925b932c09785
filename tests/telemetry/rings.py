"""Backends of the real `keyring` for tests, chosen by `PYTHON_KEYRING_BACKEND` as users do; nobody else's process takes one for its own.

`Kept` keeps what it is given in a file, by `keyrings.alt`; the others are it with one fault each. All live in the folder `EPOCHLY_TEST_RING`.
"""

from __future__ import annotations

import os
import time

from keyring.compat import properties
from keyring.errors import KeyringLocked
from keyrings.alt.file import PlaintextKeyring

FOLDER = "EPOCHLY_TEST_RING"


class Kept(PlaintextKeyring):
    """One that is as good as a desktop's."""

    @properties.classproperty
    def priority(cls):  # noqa: N805 - it is the class's
        """As `keyring` has it for those of desktops, where a test chose it."""
        if FOLDER not in os.environ:
            raise RuntimeError("not for this process")
        return 5

    @property
    def file_path(self):
        """The one file."""
        return os.path.join(os.environ[FOLDER], "ring.cfg")


class Locked(Kept):
    """Its user is not there to unlock it."""

    def get_password(self, service, username):
        """Refuse, with words that nobody should see."""
        raise KeyringLocked(f"the secret of {service}, {username}")

    def set_password(self, service, username, _password):
        """The same."""
        self.get_password(service, username)

    delete_password = get_password


class Drops(Kept):
    """Says that it kept what it did not."""

    def set_password(self, service, username, password):
        """Do nothing."""


class Hangs(Kept):
    """Never answers."""

    def get_password(self, _service, _username):
        """Wait for somebody who is not there."""
        with open(os.path.join(os.environ[FOLDER], "asked"), "w", encoding="ascii"):
            time.sleep(3_600)
