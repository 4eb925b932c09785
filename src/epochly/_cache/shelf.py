"""Where the compiler looks before it compiles, and puts what it made: one function, one call's argument types, one store.

The key is taken before anything is compiled or loaded and again after the guards were read: if a name was rebound in
between, nothing is kept and nothing found is used. It refuses to raise for anything that keeps code from being kept; that
is a miss, and `reason` says why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from epochly._cache.build import this_build
from epochly._cache.encoding import Undescribed
from epochly._cache.key import Key, key_of
from epochly._cache.native import Unkept, loaded, packed
from epochly._exact.kinds import Reject

if TYPE_CHECKING:
    import types

    from epochly._cache.store import Store
    from epochly._exact.made import Made


class CodeShelf:
    """A `Shelf` of the compiler's, see `epochly._exact.made`."""

    def __init__(self, store: Store, function: types.FunctionType, args: tuple[object, ...]) -> None:
        self.store = store
        self.function = function
        self.args = args
        self.key: Key | None = None
        self.reason = ""

    def find(self) -> Made | None:
        """What the store has, linked into this process."""
        self.key = self._key()
        payload = self.store.get(self.key.digest) if self.key is not None else None
        if self.key is None or payload is None:
            return None
        try:
            return loaded(payload, self.function, self.key.functions)
        except Unkept as error:
            self.reason = str(error)
            self.store.drop(self.key.digest)
            return None

    def settle(self, made: Made) -> bool:
        """Keep what was compiled just now; False when names came to mean something else in the meantime."""
        if self.key is None:
            return True
        if self._key() != self.key:
            self.reason = "a name was bound to something else meanwhile"
            return False
        if made.result is not None:
            try:
                self.store.put(self.key.digest, packed(made, self.key.functions))
            except Unkept as error:
                self.reason = str(error)
        return True

    def _key(self) -> Key | None:
        try:
            return key_of(self.function, self.args, this_build())
        except Undescribed as error:
            self.reason = str(error)
            return None


class FoundOnly(CodeShelf):
    """A shelf for whoever wants what is kept and nothing else: where there is nothing, the compiler gets a refusal."""

    def find(self) -> Made | None:
        """What the store has; refuses where it has nothing."""
        made = super().find()
        if made is None:
            raise Reject(self.reason or "nothing is kept")
        return made
