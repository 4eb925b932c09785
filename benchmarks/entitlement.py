"""What asking for a feature costs, and what a request to the licence service costs beside the network.

Beside `entitled()` stands the smallest function call there is; beside a proof, the one signature that nobody can leave out.
"""

from __future__ import annotations

import argparse
from hashlib import sha256
from statistics import median
from timeit import Timer

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from epochly.licensing import tokens
from epochly.licensing.canonical import b64u, kid_of
from epochly.licensing.claims import Lease, Proof, read_as
from epochly.licensing.entitlement import PLANS, entitled, feature_for

GOAL_NS, GOAL_PROOF = 2_000, 4.0  # a yes, in ns; a proof, in times its signature
RANDOM = b64u(bytes(range(16)))


def timed(work, *, number, rounds):
    """Smallest and median seconds of one call."""
    times = [each / number for each in Timer(work).repeat(rounds, number)]
    return min(times), median(times)


def main():
    """Measure, print a table, and say whether the goals were met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    public = key.public_key().public_bytes_raw()
    kid, body = kid_of(public), b'{"device_id":"dev_' + b"0" * 22 + b'"}'
    lease = Lease(
        "https://licence.example", kid, RANDOM, RANDOM, f"lic_{RANDOM}", f"dev_{RANDOM}", "professional",
        PLANS["professional"], "node", "0" * 64, 1_000, 1_000, 2_000, 3_000, 1_500, 1, 1_000, 1,
    )  # fmt: skip

    def proof():
        claims = Proof(
            kid=kid,
            htm="POST",
            htu="https://licence.example/v1/license/validate",
            bdg=sha256(body).hexdigest(),
            nonce=b64u(bytes(41)),
            cn=RANDOM,
            iat=1_000,
            jti=RANDOM,
            seq=1,
            cv="1.0",
        ).claims()
        return tokens.mint(tokens.PROOF, claims, key)

    signed = tokens.mint(tokens.LEASE, lease.claims(), key, kid)
    rows = {
        "an empty call": timed(lambda: None, number=20_000, rounds=rounds),
        "level and cores to a feature": timed(lambda: feature_for(3, 16), number=20_000, rounds=rounds),
        "entitled(): yes": timed(lambda: entitled(lease, "gpu", 1_500), number=20_000, rounds=rounds),
        "entitled(): no": timed(lambda: entitled(None, "gpu", 1_500), number=5_000, rounds=rounds),
        "one Ed25519 signature": timed(lambda: key.sign(body), number=200, rounds=rounds),
        "one proof, made": timed(proof, number=200, rounds=rounds),
        "one lease, verified and read": timed(
            lambda: read_as(Lease, signed, lambda _: public), number=100, rounds=rounds
        ),
    }
    width = max(map(len, rows))
    for name, (smallest, middle) in rows.items():
        print(f"{name:<{width}}  {smallest * 1e6:9.2f} us  {middle * 1e6:9.2f} us")
    yes, made, floor = (
        rows[name][0] for name in ("entitled(): yes", "one proof, made", "one Ed25519 signature")
    )
    print(f"a yes takes {yes * 1e9:.0f} ns (goal: below {GOAL_NS})")
    print(f"a proof takes {made / floor:.1f} times its signature (goal: below {GOAL_PROOF})")
    return 0 if yes * 1e9 < GOAL_NS and made / floor < GOAL_PROOF else 1


if __name__ == "__main__":
    raise SystemExit(main())
