#!/usr/bin/env python3
"""The local page in headless Chromium: each control by keyboard, phone and desktop, light and dark, under its own
Content-Security-Policy.

Usage: PAGE_RIG=build/host/tests/page/page_rig page_browser_test.py [--quick | NAME...]

--quick: what `make test` runs, each look and each control once; the rest is in `make test-long`.
"""
import re
import socket
import sys
import traceback
import types

from browser import Browser, program
from rig import Rig

TOKEN = "correct-horse-battery-staple"
LOOKS = [(360, False), (360, True), (1100, False), (1100, True)]

# Texts whose contrast is below 4.5 (WCAG 2.1, 1.4.3), and boxes that stand out to the right.
CONTRAST = r"""(() => {
  const part = (c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  const parse = (c) => c.match(/[\d.]+/g).map(Number);
  const ground = (e) => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c[3] !== 0) return c; } return [255, 255, 255]; };
  const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
  const found = []; let n = 0;
  const judge = (what, style, e) => { n += 1; const r = ratio(parse(style.color), ground(e)); if (r < 4.5) found.push(`${what}: ${r.toFixed(2)}`); };
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement;
    if (walk.currentNode.data.trim() && e.checkVisibility() && !e.closest(".hidden, .skip, script, noscript")) judge(walk.currentNode.data.trim(), getComputedStyle(e), e);
  }
  for (const e of document.querySelectorAll("input")) if (e.checkVisibility())
    for (const p of ["::placeholder", "::file-selector-button"]) judge(e.id + p, getComputedStyle(e, p), e);
  return { found, n };
})()"""
OVERFLOW = r"""[...document.querySelectorAll("body *")].filter(e => e.checkVisibility() && !e.closest(".hidden, .skip, svg, noscript, head") &&
  e.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5).map(e => e.tagName + "#" + e.id).concat(document.documentElement.scrollWidth > document.documentElement.clientWidth ? ["scroll"] : [])"""
FOCUS = r"""(() => { const e = document.activeElement; const s = getComputedStyle(e); const b = e.getBoundingClientRect();
  return { id: e.id || e.tagName + "." + e.className, ring: s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2, seen: b.width > 0 && b.left >= 0 && b.right <= document.documentElement.clientWidth }; })()"""

browser = None


def text(page, name):
    return page.run(f"document.getElementById({name!r}).textContent")


def shows(page, name, words):
    page.until(f"document.getElementById({name!r}).textContent.includes({words!r})", f"{name} has {words!r}")


def open_page(rig, width=1100, is_dark=False, **more):
    page = browser.page(width, 900, is_dark, **more)
    page.open(f"http://127.0.0.1:{rig.port}/")
    return page


def at_rest(rig):
    rig.target("a", ("2.0.0", "confirmed"), ("1.0.0", "confirmed"))
    rig.event("QUIET")
    rig.event("NOTHING", "2.0.0")
    rig.say("wait 3600000")


def no_problem(page, allowed=()):
    page.run("1")  # what the console said comes before the answer
    left = [p for p in page.problems if not any(a in p for a in allowed)]
    assert not left, f"the console says: {left}"


def tab_to(page, name):
    """Press Tab until the control has the focus; it must show."""
    for _ in range(15):
        page.key("Tab")
        focus = page.run(FOCUS)
        assert focus["ring"] and focus["seen"], f"the focus cannot be seen: {focus}"
        if focus["id"] == name:
            return
    raise AssertionError(f"Tab never reaches {name}")


# --- what is seen ---

def each_look_fits_and_has_contrast():
    """Four looks, in each of them every state that looks different."""
    with Rig() as rig:
        pages = [(open_page(rig, *look), look) for look in LOOKS]

        def look_at(words):
            for page, look in pages:
                shows(page, "headline", words)
                assert (wide := page.run(OVERFLOW)) == [], f"{look}, {words}: too wide: {wide}"
                seen = page.run(CONTRAST)
                assert seen["n"] > 15 and seen["found"] == [], f"{look}, {words}: contrast {seen}"
        look_at("Waiting for the first check")
        at_rest(rig)
        for page, _ in pages:
            page.run("document.getElementById('details').open = true; document.getElementById('send').click()")
            shows(page, "install-reply", "Choose a file first")
        look_at("Up to date")
        rig.state("CHECK")
        rig.event("OFFER", "2.1.0", "b", "FOTA_OK", 0, 389_120)
        look_at("Getting 2.1.0")
        rig.target("a", ("2.0.0", "confirmed"), ("2.1.0", "receiving"))
        rig.state("FETCH")
        rig.event("PROGRESS", "2.1.0", "b", "FOTA_OK", 100_000, 389_120)
        look_at("Installing 2.1.0 into slot\u00a0B")
        rig.target("b", ("2.0.0", "confirmed"), ("2.1.0", "trial"), 2)
        rig.state("TRIAL")
        look_at("on trial")
        rig.target("a", ("2.0.0", "confirmed"), ("2.1.0", "rejected"))
        rig.event("ROLLED_BACK", "2.1.0", "b", "E_SLOT_TRIALS_SPENT")
        rig.state("WAIT")
        look_at("2.1.0 was rolled back")
        rig.event("REFUSED", "2.2.0", "b", "E_IMAGE_SIGNATURE")
        look_at("2.2.0 was refused")
        rig.target("a", ("2.0.0", "confirmed"), ("2.1.0", "last-resort"))
        rig.state("POLL")
        rig.event("FAILED", "", "none", "E_NET_DNS", 30000)
        rig.say(f"names {'d' * 32} {'p' * 32} {'h' * 15} {'c' * 32}")
        rig.state("WAIT")
        look_at("The channel could not be read")
        rig.event("NOTHING", "2.0.0")
        rig.say("stale 1")
        look_at("The channel expired")
        grounds = {page.run("getComputedStyle(document.body).backgroundColor") for page, _ in pages}
        assert len(grounds) == 2, f"light and dark look the same: {grounds}"
        for page, _ in pages:
            no_problem(page)
            page.__exit__()


def progress_is_shown_while_it_happens_and_spoken_in_tens():
    with Rig() as rig, open_page(rig) as page:
        rig.target("a", ("2.0.0", "confirmed"))
        rig.event("OFFER", "2.1.0", "b", "FOTA_OK", 0, 1000)
        rig.state("FETCH")
        shows(page, "headline", "Installing 2.1.0")
        page.run("window.spoken = []; new MutationObserver(() => spoken.push(document.getElementById('announce').textContent))"
                 ".observe(document.getElementById('announce'), { childList: true, characterData: true, subtree: true })")
        for done in range(0, 1001, 25):
            rig.event("PROGRESS", "2.1.0", "b", "FOTA_OK", done, 1000)
            shows(page, "percent", f"{done // 10} %")
        assert page.run("document.getElementById('bar').value") == 100
        spoken = page.run("spoken")
        assert 1 <= len(spoken) <= 11 and spoken[-1].endswith("100 percent"), spoken
        step = page.run("document.querySelector('.steps [aria-current=step]').textContent")
        assert step == "Install", step
        rig.state("HANDOVER")
        shows(page, "percent", "One moment")
        assert page.run("document.getElementById('bar').position") == -1, "a bar without a figure is indeterminate"
        rig.target("b", ("2.0.0", "confirmed"), ("2.1.0", "confirmed"))
        rig.event("CONFIRMED", "2.1.0", "b")
        rig.state("WAIT")
        shows(page, "headline", "Up to date")
        assert page.run("document.querySelector('#slot-b.runs .version').textContent") == "2.1.0"
        assert "2.1.0 is confirmed" in page.run("document.querySelector('#events li').textContent")
        shows(page, "link-text", "Live")
        no_problem(page)


def without_a_stream_the_page_asks():
    with Rig("--no-stream") as rig, open_page(rig) as page:
        rig.state("FETCH")
        shows(page, "link-text", "Connected")
        rig.event("PROGRESS", "2.1.0", "b", "FOTA_OK", 500, 1000)
        shows(page, "percent", "50 %")
        at_rest(rig)
        rig.state("WAIT")
        shows(page, "headline", "Up to date")
        no_problem(page)


def reasons_are_words_and_text_stays_text():
    with Rig() as rig, open_page(rig) as page:
        rig.say("names <img/src=x> <b>p</b> f407 stable")
        rig.target("a", ("2.0.0", "confirmed"))
        rig.event("REFUSED", "2.1.0", "b", "E_IMAGE_COUNTER")
        shows(page, "headline", "2.1.0 was refused")
        shows(page, "subline", "Security counter is below the floor. 2.0.0 runs in slot\u00a0A.")
        shows(page, "device", "<img/src=x>")
        assert page.run("document.querySelectorAll('header b, header img[src=x]').length") == 0
        shows(page, "events", "E_IMAGE_COUNTER")
        no_problem(page)


def motion_is_left_out_when_it_is_not_wanted():
    with Rig() as rig:
        rig.state("CHECK")
        for is_still, wanted in ((True, ["none", "none"]), (False, ["breathe", "slide"])):
            with open_page(rig, is_still=is_still) as page:
                shows(page, "headline", "Getting")
                names = page.run("[document.querySelector('.badge-icon svg'), document.getElementById('bar')].map(e => getComputedStyle(e).animationName)")
                assert names == wanted, names


def a_gateway_that_is_gone_is_said_and_one_that_is_back_is_found():
    with Rig() as rig:
        page = open_page(rig)
        shows(page, "link-text", "Live")
        port = rig.port
    shows(page, "link-text", "No connection")
    with socket.socket() as s:  # the same port, by a server that answers nothing: the page goes on asking
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("127.0.0.1", port))
        s.listen()
        s.settimeout(60)
        s.accept()[0].close()
    page.__exit__()


# --- what is done ---

def tab_reaches_each_control_in_the_order_that_is_seen():
    for width in (360, 1100):
        with Rig() as rig, open_page(rig, width) as page:
            at_rest(rig)
            shows(page, "headline", "Up to date")
            order = []
            for _ in range(6):
                page.key("Tab")
                focus = page.run(FOCUS)
                if focus["id"] in order or focus["id"].startswith("BODY"):
                    break
                assert focus["ring"] and focus["seen"], f"{width}: the focus cannot be seen: {focus}"
                order.append(focus["id"])
            assert order == ["A.skip", "check", "file", "send", "SUMMARY."], order
            every = page.run("[...document.querySelectorAll('a, button, input, summary')].filter(e => e.checkVisibility()).length")
            assert every == len(order), f"{every} controls, Tab reaches {order}"
            page.key("Tab", is_shifted=True)
            page.key("Tab", is_shifted=True)
            assert page.run(FOCUS)["id"] in ("file", "send")


def the_skip_link_goes_to_the_state():
    with Rig() as rig, open_page(rig) as page:
        at_rest(rig)
        shows(page, "headline", "Up to date")
        tab_to(page, "A.skip")
        page.key("Enter")
        page.until("document.activeElement.id === 'main'")
        page.key("Tab")
        assert page.run(FOCUS)["id"] == "check"


def check_now_by_enter_and_by_space():
    with Rig() as rig, open_page(rig, 360) as page:
        at_rest(rig)
        shows(page, "headline", "Up to date")
        tab_to(page, "check")
        for key in ("Enter", "Space"):
            page.key(key)
            assert rig.next_wanted() == "asked check"
        rig.state("POLL")
        shows(page, "headline", "Looking for updates")
        page.until("document.getElementById('check').getAttribute('aria-disabled') === 'true'")
        page.key("Enter")  # it has the focus still, and does nothing now
        assert page.run(FOCUS)["id"] == "check" and rig.wanted() == []
        rig.state("WAIT")
        page.until("document.getElementById('check').getAttribute('aria-disabled') === 'false'")
        no_problem(page)


def a_refusal_of_check_now_is_said():
    with Rig() as rig, open_page(rig) as page:
        at_rest(rig)
        shows(page, "headline", "Up to date")
        page.run("window.fetchOnce = fetch; window.fetch = (p, o) => fetchOnce(p, { ...o, headers: { ...o.headers, 'Fota-Page': '' } })")
        tab_to(page, "check")
        page.key("Enter")
        shows(page, "check-reply", "The header Fota-Page is missing")
        assert rig.wanted() == []


def a_bundle_is_chosen_and_installed_by_keyboard():
    with Rig() as rig, open_page(rig) as page:
        at_rest(rig)
        shows(page, "headline", "Up to date")
        good, bad, large = (rig.upload.parent / n for n in ("good.tar", "bad.tar", "large.tar"))
        good.write_bytes(b"v1/" + bytes(500_000))
        bad.write_bytes(b"not a bundle")
        large.write_bytes(bytes(2 * 1024 * 1024 + 1))
        page.call("Page.setInterceptFileChooserDialog", enabled=True)
        tab_to(page, "file")
        page.key("Enter")
        page.run("1")
        tab_to(page, "send")
        page.key("Enter")
        shows(page, "install-reply", "Choose a file first")
        page.choose_file("#file", large)
        page.key("Space")
        shows(page, "install-reply", "large.tar is too large for a bundle: 2048 KB, at most 2048 KB.")
        page.choose_file("#file", bad)
        page.key("Enter")
        shows(page, "install-reply", "This is no bundle")
        page.choose_file("#file", good)
        page.key("Enter")
        shows(page, "install-reply", "The file is here")
        assert rig.next_wanted() == "asked install 500003"
        assert page.run("document.getElementById('file').files.length") == 0 and page.run(FOCUS)["id"] == "send"
        no_problem(page, allowed=("status of 422",))


def details_open_by_enter_and_by_space():
    with Rig() as rig, open_page(rig) as page:
        at_rest(rig)
        shows(page, "headline", "Up to date")
        tab_to(page, "SUMMARY.")
        for key, is_open in (("Enter", True), ("Space", False)):
            page.key(key)
            page.until(f"document.getElementById('details').open === {str(is_open).lower()}")
        shows(page, "facts", "Failures in a row")


def a_token_is_asked_for_and_kept_for_the_tab():
    refused = "status of 401"
    with Rig("--token", TOKEN) as rig, open_page(rig, 360) as page:
        at_rest(rig)
        page.until("document.activeElement.id === 'token'")
        seen = page.run(CONTRAST)
        assert seen["found"] == [] and page.run(OVERFLOW) == [], seen
        assert page.run("document.getElementById('content').hidden")
        page.type("wrong-wrong-wrong-wrong")
        page.key("Enter")
        shows(page, "unlock-reply", "The token is wrong")
        page.until("document.activeElement.id === 'token'")
        page.type(TOKEN)
        tab = page.run("document.activeElement.id")
        page.key("Tab")
        assert tab == "token" and page.run("document.activeElement.textContent") == "Unlock" and page.run(FOCUS)["ring"]
        page.key("Space")
        shows(page, "headline", "Up to date")
        shows(page, "link-text", "Live")
        tab_to(page, "check")
        page.key("Enter")
        assert rig.next_wanted() == "asked check"
        good = rig.upload.parent / "good.tar"
        good.write_bytes(b"v1/x")
        page.choose_file("#file", good)
        tab_to(page, "send")
        page.key("Enter")
        assert rig.next_wanted() == "asked install 4"
        page.call("Page.reload")
        shows(page, "headline", "Up to date")
        assert page.run("document.cookie") == "" and page.run("localStorage.length") == 0
        no_problem(page, allowed=(refused,))


def each_control_has_a_name_and_headings_are_in_order():
    with Rig() as rig, open_page(rig) as page:
        at_rest(rig)
        shows(page, "headline", "Up to date")
        page.call("Accessibility.enable")
        nodes = page.call("Accessibility.getFullAXTree")["nodes"]
        roles = {}
        for n in nodes:
            if not n.get("ignored"):
                roles.setdefault(n["role"]["value"], []).append(n.get("name", {}).get("value", ""))
        for role in ("button", "heading", "main", "list", "link"):
            assert roles.get(role), f"no {role}: {sorted(roles)}"
        for role in ("button", "link", "heading", "progressbar", "textbox"):
            assert all(roles.get(role, [])), f"a {role} without a name: {roles.get(role)}"
        levels = page.run("[...document.querySelectorAll('h1, h2, h3')].map(h => Number(h.tagName[1]))")
        assert levels[0] == 1 and levels.count(1) == 1 and all(b - a <= 1 for a, b in zip(levels, levels[1:])), levels
        assert page.run("document.documentElement.lang") == "en"
        assert re.search("polite", page.run("document.getElementById('announce').ariaLive"))


def nothing_from_elsewhere_runs_or_is_loaded():
    """The policy is in force: code in the page's text, and a picture from another host, are stopped."""
    with Rig() as rig, open_page(rig) as page:
        shows(page, "link-text", "Live")
        no_problem(page)
        page.run("document.body.insertAdjacentHTML('beforeend', '<img src=http://127.0.0.2:9/x onerror=window.hit=1>');"
                 " const s = document.createElement('script'); s.textContent = 'window.hit = 2'; document.body.append(s)")
        page.until("true")
        page.run("new Promise(d => setTimeout(d, 0))")
        assert page.run("window.hit === undefined")
        assert sum("Content Security Policy" in p for p in page.problems) >= 2, page.problems


QUICK = (each_look_fits_and_has_contrast, progress_is_shown_while_it_happens_and_spoken_in_tens,
         tab_reaches_each_control_in_the_order_that_is_seen, check_now_by_enter_and_by_space,
         a_bundle_is_chosen_and_installed_by_keyboard, details_open_by_enter_and_by_space, a_token_is_asked_for_and_kept_for_the_tab)


def main():
    global browser
    if not program():
        print("skipped: no chromium; make setup installs it")
        return 77
    tests = [f for f in globals().values() if isinstance(f, types.FunctionType) and f.__module__ == "__main__" and f.__code__.co_argcount == 0 and f is not main]
    names = [t.__name__ for t in QUICK] if sys.argv[1:] == ["--quick"] else sys.argv[1:]
    chosen = [t for t in tests if not names or t.__name__ in names]
    failed = 0
    with Browser() as browser:
        for test in chosen:
            try:
                test()
                print(f"ok      {test.__name__}", flush=True)
            except Exception:  # noqa: BLE001 -- whatever it is, the test failed; the next one is run
                failed += 1
                print(f"FAILED  {test.__name__}", flush=True)
                traceback.print_exc(file=sys.stdout)
    print(f"{len(chosen) - failed} of {len(chosen)} passed")
    return 1 if failed or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
