"""What the operators' pages are made of: headers, text that is never markup, and what a screen reader needs."""

from __future__ import annotations

import html.parser
import os
import re
import time

import pytest
from pages_site import filled_in

from epochly_service.admin import accounts, licenses
from epochly_service.pages.app import HEADERS
from epochly_service.pages.views import ROUTES

ONE_ENGINE = pytest.mark.parametrize("site", ["sqlite"], indirect=True)  # the database has no part in it


@ONE_ENGINE
def test_every_answer_has_the_headers_that_browsers_heed(site):
    """Whatever the answer, it may be kept nowhere, framed by nobody, and may load nothing and run nothing."""
    paths = [filled_in(route, site, "Alder") for _, route, _ in ROUTES]
    with site.client("all-admin") as client, site.client() as nobody:
        answers = [
            client.get(path)
            for path in [*paths, "/admin", "/admin/nothing", "/admin/licenses/x/y/z", "/admin/login"]
        ]
        answers += [nobody.get("/admin/login"), nobody.get("/admin/licenses"), client.put("/admin/licenses")]
        for answer in answers:
            for name, value in HEADERS.items():
                assert answer.headers.get(name) == value, (answer.url, name)
            assert "script" not in answer.headers["content-security-policy"]
            assert "server" not in answer.headers
        style = client.get("/admin/style.css")
        assert style.headers["content-type"].startswith("text/css")
        assert "@import" not in style.text
        assert "url(" not in style.text


@ONE_ENGINE
def test_name_with_markup_is_text(site):
    """What somebody called an account is shown as they wrote it, never read as HTML."""
    name = f"<script>alert({os.getpid()})</script>\"'&"
    if name not in {one.name for one in accounts.listing(site.desk)}:
        accounts.add(site.desk, name)
        licenses.issue(
            site.desk, name, plan="academic", seat="node", seats=1, expires_at=int(time.time()) + 999
        )
    with site.client("all-admin") as client:
        text = client.get("/admin/licenses").text
    assert "<script" not in text
    assert f"&lt;script&gt;alert({os.getpid()})&lt;/script&gt;&#34;&#39;&amp;" in text


class Outline(html.parser.HTMLParser):
    """What a page is made of, for the tests of what a screen reader needs."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.labels, self.fields, self.open, self.text_of = [], set(), [], [], {}
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.tags.append((tag, given))
        if tag == "label":
            self.labels.add(given.get("for"))
            self.open.append("label")
        if tag in {"input", "select"} and given.get("type") != "hidden":
            self.fields.append((given, "label" in self.open))

    def handle_endtag(self, tag):
        if tag == "label":
            self.open.pop()


@ONE_ENGINE
def test_pages_say_what_they_are_to_whoever_cannot_see_them(site):
    """Each page has a language, a title, one main heading, landmarks, labelled fields and headed tables, and no script."""
    paths = [filled_in(route, site, "Birch") for method, route, _ in ROUTES if method == "GET"]
    with site.client("all-admin") as client, site.client() as nobody:
        texts = [client.get(path).text for path in paths]
        texts += [nobody.get("/admin/login").text, client.get("/admin/nothing").text]
    for text in texts:
        found = Outline(text)
        names = [tag for tag, _ in found.tags]
        assert ("html", {"lang": "en"}) in found.tags
        assert names.count("h1") == 1, text
        assert names.count("main") == 1
        assert re.search("<title>[^<]+ · epochly</title>", text)
        assert names.count("table") == names.count("caption")
        assert all(given.get("scope") in {"col", "row"} for tag, given in found.tags if tag == "th")
        assert all(given.get("id") in found.labels or inside for given, inside in found.fields)
        assert not {"script", "iframe", "object", "style", "base"} & set(names)
        assert not [
            given
            for _, given in found.tags
            if any(name.startswith("on") or name == "style" for name in given)
        ]
        ids = [given["id"] for _, given in found.tags if "id" in given]
        assert len(ids) == len(set(ids))
