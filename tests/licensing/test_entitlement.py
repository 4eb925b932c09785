"""What a lease allows: one pure question, a yes or a no with the way out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epochly.licensing import entitlement as ent

FEATURES = (ent.CLUSTER, ent.GPU, ent.LENS, ent.MULTI_CORE)


@dataclass(frozen=True)
class Lease:
    """What is asked of a lease."""

    plan: str = "professional"
    features: tuple[str, ...] = ent.PLANS["professional"]
    nbf: int = 1_000
    exp: int = 2_000
    grace_until: int = 3_000


@pytest.mark.parametrize(
    ("now", "latest", "answer"),
    [
        (699, 0, "clock-rollback"),
        (700, 0, ent.YES),
        (1_999, 0, ent.YES),
        (2_000, 0, ent.IN_GRACE),
        (2_999, 0, ent.IN_GRACE),
        (3_000, 0, "expired"),
        (1_500, 1_800, ent.YES),
        (1_500, 1_801, "clock-rollback"),
    ],
)
def test_a_lease_allows_from_its_beginning_to_the_end_of_its_grace(now, latest, answer):
    """Five minutes before its time, until it expires, then in grace; a clock that was set back allows nothing."""
    got = ent.entitled(Lease(), "gpu", now, latest)
    assert (got if isinstance(got, ent.Entitled) else got.reason) == answer


@pytest.mark.parametrize("feature", FEATURES)
@pytest.mark.parametrize("plan", ent.PLANS)
def test_a_plan_has_the_features_of_the_specification(plan, feature):
    """The table of section 6, and a feature no plan has is no feature."""
    text = (Path(__file__).parents[2] / "docs" / "spec" / "epochly-pop-v1.md").read_text("utf-8")
    row = next(line for line in text.splitlines() if re.match(r"\| (.*, )?`%s`(, .*)? \|" % plan, line))  # noqa: UP031
    lease = Lease(plan, ent.PLANS[plan])
    assert (f"`{feature}`" in row) == isinstance(ent.entitled(lease, feature, 1_500), ent.Entitled)


@given(
    st.sampled_from([None, Lease(), Lease("academic", ("gpu",), 0, 0, 0)]),
    st.sampled_from([*FEATURES, "teleport"]),
    st.integers(0, 5_000),
    st.integers(0, 5_000),
)
def test_no_answer_is_without_a_way_out(lease, feature, now, latest):
    """A no says why and what to do, in one line each; a yes needs a lease that names the feature and has not ended."""
    got = ent.entitled(lease, feature, now, latest)
    if isinstance(got, ent.Entitled):
        assert lease is not None
        assert feature in lease.features
        assert now < lease.grace_until
    else:
        assert got.why.strip()
        assert got.way_out.strip()
        assert "\n" not in got.why + got.way_out


def test_community_needs_no_lease_for_what_it_has():
    """Levels 0 to 3, the third with up to 4 cores; more cores and a GPU are asked for."""
    asked = {(level, cores): ent.feature_for(level, cores) for level in range(5) for cores in (1, 4, 5, 64)}
    assert {case for case, feature in asked.items() if feature == "gpu"} == {(4, n) for n in (1, 4, 5, 64)}
    assert {case for case, feature in asked.items() if feature == "multi-core"} == {(3, 5), (3, 64)}
    assert ent.entitled(None, "gpu", 0).reason == "no-licence"
