"""`epochly net-audit`: runs a program, and lists every destination that it and its children touch, so that anybody can repeat the proof.

The kernel is asked (`strace`), else the interpreter (audit hooks). What neither can see is said with every report. Importing
this imports nothing. `docs/guide/network.md` shows it; `docs/spec/net-audit-v1.schema.json` is the form of its JSON.
"""
