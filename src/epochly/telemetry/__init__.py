"""Telemetry: what is counted about how epochly fares, kept where the user can read it, and sent where the user lets it.

It has no way to say anything that is not in a closed list of events, none of which can hold text. Importing this imports
nothing. `docs/security/telemetry-data-flow.md` is the page for readers, `docs/spec/epochly-telemetry-v1.md` the specification.
"""
