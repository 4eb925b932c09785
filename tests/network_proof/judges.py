"""Detectors of personal data and of secrets that others made, as judges: run alone, by an interpreter of their own environment.

`python judges.py` reads a JSON list of texts from stdin and writes, for each, the list of what was found: judge, kind, excerpt, where it begins.
All patterns that a judge has are asked, those that it trusts least too, and nothing is left out here: what a finding is worth, the tests say.
"""

from __future__ import annotations

import inspect
import json
import sys
import tempfile
from pathlib import Path


def presidio():
    """Every recogniser by pattern, of every country; none that needs a model of a language."""
    from presidio_analyzer import PatternRecognizer, predefined_recognizers

    classes = [each for each in vars(predefined_recognizers).values() if inspect.isclass(each)]
    made = [
        each() for each in classes if issubclass(each, PatternRecognizer) and each is not PatternRecognizer
    ]
    made.append(predefined_recognizers.PhoneRecognizer())

    def found_in(text):
        for each in made:
            for found in each.analyze(text, each.supported_entities, None):
                yield found.entity_type, text[found.start : found.end], found.start

    return found_in


def scrubadub():
    """Its detectors that need no model of a language."""
    import scrubadub as judge

    made = judge.Scrubber(locale="en_US")

    def found_in(text):
        for found in made.iter_filth(text):
            yield found.type, found.text, found.beg

    return found_in


def detect_secrets():
    """All of its plugins with its own settings. It looks at files."""
    from detect_secrets.core import scan
    from detect_secrets.settings import default_settings

    def found_in(text):
        with tempfile.TemporaryDirectory() as folder, default_settings():
            path = Path(folder, "payload.txt")
            path.write_text(text, "utf-8")
            for found in scan.scan_file(str(path)):
                excerpt = found.secret_value or ""
                yield found.type, excerpt, text.find(excerpt)

    return found_in


JUDGES = {"presidio": presidio, "scrubadub": scrubadub, "detect-secrets": detect_secrets}

if __name__ == "__main__":
    texts = json.load(sys.stdin)
    judges = {name: make() for name, make in JUDGES.items()}
    json.dump(
        [[(name, *each) for name, judge in judges.items() for each in judge(text)] for text in texts],
        sys.stdout,
    )
