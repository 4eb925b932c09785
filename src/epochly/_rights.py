"""What the licence of this process allows, as far as the runtime needs to know: a level and cores become what may be used.

Levels 0 to 2, and level 3 with up to 4 cores, are everybody's and ask nothing. Beyond that one look at one name tells whether a
licence is kept; only then is the licence's code loaded. It refuses to wait for a network, and to let anything that is wrong with a
licence become the program's error: it is a no, and one line.
"""

from __future__ import annotations

from epochly._config import GPU, MULTI_CORE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Protocol

    from epochly._config import Config
    from epochly.licensing.entitlement import Entitled, NotEntitled

    class Rights(Protocol):
        """What is asked of a licence."""

        def entitled(self, feature: str) -> Entitled | NotEntitled:
            """Whether a feature may be used now."""

        def tier(self) -> str:
            """The plan that is in force."""


class Community:
    """No licence is kept here."""

    __slots__ = ()

    def entitled(self, feature: str) -> Entitled | NotEntitled:
        """No, with the way to one."""
        from epochly.licensing.entitlement import entitled  # noqa: PLC0415 - only who asks for more pays for it

        return entitled(None, feature, 0)

    def tier(self) -> str:
        """Everybody's."""
        return "community"


COMMUNITY = Community()


def rights_of(environ: Mapping[str, str], system: str) -> Callable[[], Rights]:
    """What gives the rights of this process whenever they are asked for; a licence that is kept is loaded once."""
    loaded: list[Rights] = []

    def rights() -> Rights:
        if loaded:
            return loaded[0]
        from epochly.licensing.places import may_hold_a_licence  # noqa: PLC0415 - the one cheap look

        if not may_hold_a_licence(environ, system):
            return COMMUNITY
        from epochly.licensing.world import licence_here  # noqa: PLC0415 - cryptography, which only a licence needs

        loaded.append(licence_here(environ))
        return loaded[0]

    return rights


def tier_in(rights: Callable[[], Rights]) -> str:
    """The plan that is in force; `community` where that cannot be told."""
    try:
        return rights().tier()
    except Exception:  # noqa: BLE001 - a fault of ours is no error of the program's; who asks for a feature is told
        return COMMUNITY.tier()


def allowed(config: Config, cores: Callable[[], int], rights: Callable[[], Rights]) -> tuple[Config, str]:
    """The settings that a licence allows in the place of these, and a line that says what it does not, or nothing.

    `cores` are those of this machine, which level 3 uses where `max_workers` is not given.
    """
    if config.level < MULTI_CORE:
        return config, ""
    from epochly._records import replace  # noqa: PLC0415 - the same
    from epochly.licensing.entitlement import (  # noqa: PLC0415 - the same
        COMMUNITY_CORES,
        Entitled,
        feature_for,
    )

    line = ""
    for level in (GPU, MULTI_CORE):
        workers = config.max_workers or cores()
        feature = feature_for(level, workers) if config.level == level else None
        if feature is None:
            continue
        try:
            answer = rights().entitled(feature)
        except Exception as error:  # noqa: BLE001 - a fault of ours is no error of the program's
            why, way_out = f"the licence cannot be looked at ({type(error).__name__}: {error})", "report this"
        else:
            if isinstance(answer, Entitled):
                return config, line
            why, way_out = answer.why, answer.way_out
        if level == GPU:
            line = f"level 4 acts as level 3: {why}; hint: {way_out}"
            config = replace(config, level=MULTI_CORE)
        else:
            if config.max_workers:
                line = line or f"level 3 uses {COMMUNITY_CORES} of {workers} cores: {why}; hint: {way_out}"
            config = replace(config, max_workers=COMMUNITY_CORES)
    return config, line
