#!/usr/bin/env python3
"""The local page of the ESP32 port in headless Chromium, at phone and desktop width, dark and light, three tabs at once on its four
connections: unlocked by keyboard, it asks every second, shows an update, polls on demand, and offers no upload. And the form of the first start.

Usage: PAGE_RIG=build/host/tests/esp32/esp32_page_rig page_browser_test.py
"""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "page"))
import page_browser_test as shared  # noqa: E402
from browser import Browser, program  # noqa: E402
from rig import Rig  # noqa: E402

TOKEN = "t" * 128  # the longest, so that the headers are
RIGHT = {"wifi_name": "home & garden", "wifi_password": "hunter2<hunter2", "endpoint": "https://s3.eu-central-1.amazonaws.com", "region": "eu-central-1",
         "bucket": "releases", "product": "demo", "channel": "stable"}
FIELDS = ["wifi_name", "wifi_password", "endpoint", "region", "bucket", "product", "channel"]
LOOKS = [(360, True), (1100, False), (1100, True)]


def unlock(page):
    page.until("document.activeElement.id === 'token'")
    page.type(TOKEN)
    page.key("Enter")


def look_at(pages, words):
    for page in pages:
        shared.shows(page, "headline", words)
        wide, seen = page.run(shared.OVERFLOW), page.run(shared.CONTRAST)
        assert wide == [] and seen["found"] == [], (words, wide, seen)


def the_page_of_the_esp32_in_a_browser():
    with Rig("--token", TOKEN) as rig:
        pages = [shared.open_page(rig, *look) for look in LOOKS]
        shared.at_rest(rig)
        for page in pages:
            unlock(page)
        look_at(pages, "Up to date")
        for page in pages:
            shared.shows(page, "link-text", "Connected")
            assert not page.run("document.getElementById('install').checkVisibility()"), "an upload is offered that nobody takes"
        phone = pages[0]
        shared.tab_to(phone, "check")
        phone.key("Enter")
        assert rig.next_wanted() == "asked check"
        rig.event("OFFER", "2.1.0", "b", "FOTA_OK", 0, 1000)
        rig.target("a", ("2.0.0", "confirmed"), ("2.1.0", "receiving"))
        rig.state("FETCH")
        look_at(pages, "Installing 2.1.0")
        rig.event("PROGRESS", "2.1.0", "b", "FOTA_OK", 500, 1000)
        for page in pages:
            shared.shows(page, "percent", "50 %")
        rig.target("a", ("2.0.0", "confirmed"), ("2.1.0", "rejected"))
        rig.event("ROLLED_BACK", "2.1.0", "b", "E_SLOT_TRIALS_SPENT")
        rig.state("WAIT")
        look_at(pages, "2.1.0 was rolled back")
        for page in pages:
            shared.shows(page, "events", "E_SLOT_TRIALS_SPENT")
        phone.call("Page.reload")  # the token is kept for the tab
        shared.shows(phone, "headline", "2.1.0 was rolled back")
        for page in pages:
            assert page.run("document.cookie") == "" and page.run("localStorage.length") == 0
            shared.no_problem(page, allowed=("status of 401",))
            page.__exit__()


def fits(page, words):
    page.until(f"document.body.innerText.includes({words!r})", words)
    wide, seen = page.run(shared.OVERFLOW), page.run(shared.CONTRAST)
    assert wide == [] and seen["found"] == [], (words, wide, seen)


def fill_in(page, values):
    """From field to field by Tab, and Enter on the button."""
    page.run("document.body.focus()")
    for name in FIELDS:
        shared.tab_to(page, name)
        page.run(f"document.getElementById({name!r}).value = ''")
        page.type(values[name])
    page.key("Tab")
    assert page.run("document.activeElement.textContent") == "Save and restart" and page.run(shared.FOCUS)["ring"]
    page.key("Enter")


def the_form_of_the_first_start():
    with Rig("--setup") as rig:
        pages = [shared.open_page(rig, *look) for look in ((1100, False), (360, True))]
        for page in pages:
            fits(page, "Save and restart")
            fill_in(page, {**RIGHT, "bucket": "Not A Bucket", "product": "<b>x</b>"})
            fits(page, "Nothing was saved")
            assert page.run("[...document.querySelectorAll('[aria-invalid]')].map(e => e.id)") == ["wifi_password", "bucket", "product"]
            assert page.run("document.getElementById('product').value") == "<b>x</b>" and page.run("document.getElementById('wifi_password').value") == ""
            assert RIGHT["wifi_password"] not in page.run("document.documentElement.outerHTML")
        assert rig.wanted() == []
        fill_in(page, RIGHT)
        fits(page, "joins home & garden")
        assert rig.next_wanted() == "asked saved"
        for page in pages:
            shared.no_problem(page, allowed=("status of 422",))
            page.__exit__()


def main():
    if not program():
        print("skipped: no chromium; make setup installs it")
        return 77
    with Browser() as shared.browser:
        the_page_of_the_esp32_in_a_browser()
        the_form_of_the_first_start()
    print("ok: page and form of the ESP32 in a browser")
    return 0


if __name__ == "__main__":
    sys.exit(main())
