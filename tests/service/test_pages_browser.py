"""The operators' pages in Debian's Chromium, without a window: used by keyboard, in both colour schemes, at three widths."""

from __future__ import annotations

import os
import shutil
import ssl
import urllib.request

import pytest
from pages_site import PASSWORD, filled_in, running_site, settle
from test_lens_operators import settled

from epochly_service.pages.views import ROUTES

pytestmark = pytest.mark.browser
NAMES = ("chromium", "chromium-browser", "google-chrome")
INSTALL = "`chromium`: no browser is installed here; hint: `apt-get install chromium`"
CONTRAST = """
() => {
  const numbers = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const channel = (c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const behind = (one) => {
    for (; one; one = one.parentElement) {
      const [r, g, b, a = 1] = numbers(getComputedStyle(one).backgroundColor);
      if (a > 0) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const faults = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const one = walker.currentNode.parentElement, text = walker.currentNode.data.trim();
    if (!text || one.closest(".unseen, .skip, option")) continue;
    const [a, b] = [light(numbers(getComputedStyle(one).color)), light(behind(one))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) faults.push(text.slice(0, 40) + " " + ratio.toFixed(2));
  }
  return faults;
}
"""
TOO_WIDE = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A server over SQLite, with names that are long."""
    data = tmp_path_factory.mktemp("site") / "data"
    data.mkdir(mode=0o700)
    with running_site(data, f"sqlite:///{data}/service.db", "--no-rate-limits") as running:
        yield settle(running)


@pytest.fixture(scope="module")
def browser():
    """Chromium, started once."""
    from playwright.sync_api import sync_playwright

    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.fail(INSTALL, pytrace=False)
    options = (
        ["--no-sandbox"] if os.geteuid() == 0 else []
    )  # root has no sandbox to enter; the pages are our own
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=options)
        yield started
        started.close()


@pytest.fixture
def tab(browser, site):
    """A page in a context of its own; fails where the browser complained about anything."""
    made, said = [], []

    def make(scheme="light", width=1200):
        context = browser.new_context(
            ignore_https_errors=True,
            color_scheme=scheme,
            viewport={"width": width, "height": 800},
            base_url=site.url,
        )
        context.set_default_timeout(15_000)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        made.append(context)
        return page

    yield make
    for context in made:
        context.close()
    assert [text for text in said if "status of 4" not in text] == []


def sign_in(page, name="all-admin"):
    """As somebody does who never touches a mouse."""
    page.goto("/admin")
    page.wait_for_function("() => document.activeElement.id === 'name'")  # what autofocus promises
    page.keyboard.type(name)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin/licenses")


def press(page, text):
    """Go by the Tab key to what has this name, and press Enter."""
    for _ in range(80):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            "() => document.activeElement.innerText || document.activeElement.value || ''"
        )
        if focused.strip() == text:
            page.keyboard.press("Enter")
            return
    raise AssertionError(f"`{text}` cannot be reached by keyboard")


def test_licence_is_suspended_and_resumed_by_keyboard_alone(site, tab):
    """Everything an operator does is reached by Tab and Enter, and the page says what was done."""
    page = tab()
    sign_in(page)
    press(page, site.licenses["Alder"].id)
    page.wait_for_url("**/admin/licenses/lic_*")
    for link, button, status in (("Suspend…", "Suspend it", "suspended"), ("Resume…", "Resume it", "active")):
        press(page, link)
        page.wait_for_selector(f"button:has-text('{button}')")
        assert site.status("Alder") != status
        press(page, button)
        page.wait_for_selector("[role=status]")
        assert site.status("Alder") == status
    press(page, "Sign out")
    page.wait_for_url("**/admin/login")
    page.go_back()
    page.wait_for_load_state()
    assert page.url.endswith("/admin/login")
    assert site.licenses["Alder"].id not in page.content()


def test_device_is_released_after_it_was_asked_about(site, tab):
    """Releasing takes two presses: what it means is read before it is done."""
    device = site.add_device("Birch")
    page = tab()
    sign_in(page, "birch-admin")
    page.goto(f"/admin/devices/{device}")
    page.click("text=Release…")
    assert "Its seat is free at once" in page.inner_text("main")
    assert site.device(device).status == "active"
    page.click("button:has-text('Release it')")
    page.wait_for_selector("[role=status]")
    assert site.device(device).status == "released"


def test_hosts_of_one_account_are_chosen_by_keyboard(site, tab):
    """From the licences to Lens, to one account's hosts and on to what is published, by Tab, arrows and Enter."""
    settled(site)
    page = tab()
    sign_in(page, "all-viewer")
    press(page, "Lens")
    page.wait_for_url("**/admin/lens")
    assert page.locator("tbody tr").count() == 2
    assert page.get_attribute("nav a[aria-current]", "href") == "/admin/lens"
    page.focus("#account")
    page.keyboard.type("Birch")
    press(page, "Show")
    page.wait_for_url("**/admin/lens?account=acc_*")
    assert page.locator("tbody tr").all_inner_texts()[0].startswith("Birch")
    assert page.locator("tbody tr").count() == 1
    press(page, "Telemetry")
    page.wait_for_url("**/admin/telemetry")
    assert page.inner_text("h1") == "Telemetry"
    assert "session start" in page.inner_text("main").lower()


def test_wrong_password_is_told_where_it_is_read_out(tab):
    """A failed sign-in is announced, keeps the name, and asks for the password again."""
    page = tab()
    page.goto("/admin/login")
    page.fill("#name", "all-admin")
    page.fill("#password", "wrong horse battery")
    page.click("main button")
    assert "wrong" in page.inner_text("[role=alert]")
    assert page.input_value("#name") == "all-admin"
    assert page.evaluate("() => document.activeElement.id") == "password"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_readable_and_fits_in_both_colour_schemes(site, tab, scheme):
    """Every text has a contrast of 4.5 at least (WCAG AA), and no page scrolls sideways, from a phone to a desk."""
    settled(site)
    site.add_device("Alder", status="contended")
    site.add_device("Alder", pinned_until=2**31)
    page = tab(scheme)
    page.goto("/admin/login")
    assert page.evaluate(CONTRAST) == []
    sign_in(page)
    for method, route, _ in ROUTES:
        if method == "GET":
            page.goto(filled_in(route, site, "Alder"))
            assert page.evaluate(CONTRAST) == [], route
            for width in (360, 800, 1200):
                page.set_viewport_size({"width": width, "height": 800})
                assert page.evaluate(TOO_WIDE) <= 0, (route, width)


def test_browser_keeps_the_cookie_from_scripts_and_pages_from_frames(site, tab):
    """What the headers ask for, the browser does: no script sees the session, and no other page frames ours."""
    page = tab()
    sign_in(page)
    assert page.evaluate("() => document.cookie") == ""
    cookies = {one["name"]: one for one in page.context.cookies()}
    assert set(cookies) == {"__Host-epochly-admin"}
    assert cookies["__Host-epochly-admin"]["httpOnly"]
    assert cookies["__Host-epochly-admin"]["sameSite"] == "Strict"
    assert cookies["__Host-epochly-admin"]["secure"]
    other = page.context.new_page()
    other.set_content(f"<iframe src='{site.url}/admin/login'></iframe>")
    other.wait_for_timeout(300)
    assert "Sign in" not in "".join(frame.content() for frame in other.frames[1:])


def test_form_of_another_site_is_refused_by_the_server(site, tab):
    """A page elsewhere that sends our form while an operator is signed in changes nothing."""
    page = tab()
    sign_in(page)
    target = f"{site.url}/admin/licenses/{site.licenses['Birch'].id}/suspend"
    page.route(
        "https://evil.example/",
        lambda route: route.fulfill(
            content_type="text/html",
            body=f"<form method=post action='{target}'><input name=csrf value=x><button>Win</button></form>",
        ),
    )
    page.goto("https://evil.example/")
    page.click("button")
    page.wait_for_load_state()
    assert site.status("Birch") == "active"
    assert page.url.startswith(site.url)


def test_server_of_these_tests_is_the_real_one(site):
    """What the browser talked to answers clients too."""
    context = ssl.create_default_context(cafile=site.authority)
    with urllib.request.urlopen(f"{site.url}/healthz", context=context) as answer:
        assert answer.status == 200
