#!/usr/bin/env python3
"""Pictures of the local page for the guide: phone and desktop, light and dark, in the middle of an update.

Usage: PAGE_RIG=build/host/tests/page/page_rig pictures.py FOLDER
"""
import sys
from pathlib import Path

from browser import Browser
from rig import Rig

NOW = 1_795_957_200  # the same moment in each picture
MINUTE = 60


def story(rig):
    """What the gateway of a pump lived through; it is in the middle of an installation."""
    rig.say("names pump-17 demo f407-disco stable")
    rig.target("a", ("2.0.0", "confirmed"), ("1.0.0", "confirmed"))
    for minutes, event in ((190, ("ROLLED_BACK", "2.1.0", "b", "E_SLOT_TRIALS_SPENT")), (64, ("FAILED", "", "none", "E_NET_DNS", 30000)),
                           (60, ("NOTHING", "2.0.0")), (1, ("OFFER", "2.2.0", "b", "FOTA_OK", 0, 389_120)), (0, ("CHECKED", "2.2.0", "b"))):
        rig.say(f"time {NOW - minutes * MINUTE}")
        rig.state("POLL" if event[0] == "FAILED" else "DECIDE")
        rig.event(*event)
    rig.say(f"time {NOW}")
    rig.event("QUIET")
    rig.target("a", ("2.0.0", "confirmed"), ("2.2.0", "receiving"))
    rig.state("FETCH")
    rig.event("PROGRESS", "2.2.0", "b", "FOTA_OK", 249_856, 389_120)


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    with Rig() as rig, Browser() as browser:
        story(rig)
        for name, width, height in (("phone", 360, 740), ("desktop", 1100, 800)):
            for look in ("light", "dark"):
                with browser.page(width, height, look == "dark", scale=2 if name == "phone" else 1) as page:
                    page.open(f"http://127.0.0.1:{rig.port}/")
                    page.until("document.getElementById('percent').textContent === '64 %'")
                    page.picture(folder / f"page-{name}-{look}.png")
                    if page.problems:
                        sys.exit(f"pictures.py: {page.problems}")


if __name__ == "__main__":
    main()
