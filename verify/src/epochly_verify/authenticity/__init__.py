"""Our own reading of a signature: certificates, logs, timestamps, the signature itself.

It names the exact reason of a refusal, and enforces what the signing library does not. `signatures.py` holds the
library's opinion; a signature counts only when both agree (docs/adr/0002).
"""
