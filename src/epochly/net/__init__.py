"""The network surface: what may be asked of whom, under which settings, and the one door that anything leaves through.

Importing this imports nothing. `docs/guide/network.md` says what leaves a machine; tests hold it to that.
"""
