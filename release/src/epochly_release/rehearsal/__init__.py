"""A Sigstore instance and a package index on this machine, for rehearsing a release with no network.

OIDC issuer, certificate authority with a certificate transparency log, two generations of transparency log, timestamp
authority and index are written from their wire protocols, so that unmodified clients (`sigstore`, `uv publish`, `pip`)
can use them. They refuse what the real ones refuse, with their status codes. State lives in memory; time, randomness
and keys are arguments. Nothing here signs for, or is trusted by, anybody outside the rehearsal.
"""
