"""`epochly-release lint`: rules about the shape of a release that general linters of workflows do not look at.

A workflow is bytes; `document.py` and `workflow.py` make frozen values of them, `rules/` has one question a file, `render.py`
the three outputs, `cli.py` the arguments and exit codes. It runs nothing, fetches nothing and follows no called file.
The guide is `docs/guide/release-lint.md`.
"""
