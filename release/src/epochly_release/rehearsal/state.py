"""One rehearsal instance: every service with its keys and its memory, made from `Sources` and an address.

Two instances share nothing, so an entry or certificate of one is foreign to the other. Nothing here locks: whoever
serves an instance handles one request at a time (see `app.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from epochly_release.rehearsal.forge import Forge
from epochly_release.rehearsal.fulcio import Fulcio
from epochly_release.rehearsal.index import Index
from epochly_release.rehearsal.oidc import Issuer, Run
from epochly_release.rehearsal.rekor1 import Rekor1
from epochly_release.rehearsal.rekor2 import Rekor2
from epochly_release.rehearsal.trust import client_trust_config, trusted_root
from epochly_release.rehearsal.tsa import TimestampAuthority

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from epochly_release.rehearsal.keys import Sources
    from epochly_release.rehearsal.publisher import Publisher


@dataclass(slots=True)
class Instance:
    """The services. Set `issuer.run` to speak as another workflow run.

    Attributes:
        url: address of every service, without a slash at the end.
        began: when it was set up; trust starts a little earlier.
        seen: `METHOD path status` of every request that came over HTTP.
    """

    url: str
    began: datetime
    issuer: Issuer
    fulcio: Fulcio
    rekor1: Rekor1
    rekor2: Rekor2
    tsa: TimestampAuthority
    index: Index
    forge: Forge
    seen: list[str] = field(default_factory=list)

    @property
    def token_request_url(self) -> str:
        """Value of `ACTIONS_ID_TOKEN_REQUEST_URL`."""
        return f"{self.url}/idtoken?api-version=2.0"

    @property
    def trust_config(self) -> dict[str, Any]:
        """The document for `sigstore --trust-config`."""
        return client_trust_config(self)

    @property
    def trusted_root(self) -> dict[str, Any]:
        """The trusted root alone, for verifiers."""
        return trusted_root(self)


def new_instance(url: str, run: Run, publishers: Iterable[Publisher], sources: Sources) -> Instance:
    """An instance at an address, with a workflow run that asks and the publishers its index knows."""
    issuer = Issuer(run, f"{url}/oidc", sources)
    instance = Instance(
        url=url,
        began=sources.clock(),
        issuer=issuer,
        fulcio=Fulcio(issuer, sources),
        rekor1=Rekor1(url, sources),
        rekor2=Rekor2(url, sources),
        tsa=TimestampAuthority(sources),
        index=Index(url, issuer, tuple(publishers), sources),
        forge=Forge(url, run.repository, sources),
    )
    instance.index.trust(instance.trusted_root)
    return instance
