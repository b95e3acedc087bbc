"""Put the figures of all jobs of `make cuts` together: a table on the screen and a flat JSON file.

FOLDER/*.fig hold lines "key value". Counts add up over the jobs; of `normal_boot_flash_writes` the largest counts.
"""
import json
import tempfile
from pathlib import Path

# Key, what it is, at least, at most. A key with a bound must be there when all jobs have run.
KEYS = [
    ("fixpoint4_states", "journal, 4 records a sector: states", 1500, None),
    ("fixpoint4_violations", "  violations", None, 0),
    ("fixpoint6_states", "journal, 6 records a sector: states", 50000, None),
    ("fixpoint6_violations", "  violations", None, 0),
    ("single_sessions", "one cut on the host core: sessions", 390000, None),
    ("single_bricks", "  bricks", None, 0),
    ("nested_sessions", "two cuts: sessions", 2000000, None),
    ("nested_bricks", "  bricks", None, 0),
    ("worn_sessions", "a cell or a sector is worn: sessions", 100000, None),
    ("worn_bricks", "  bricks", None, 0),
    ("worn_floor_lost", "  of them, the security floor fell", None, 0),
    ("dip_sessions", "a dip of the supply refuses a call: sessions", 5000, None),
    ("dip_bricks", "  bricks", None, 0),
    ("f8_single_sessions", "one cut that upsets its whole sector: sessions", 20000, None),
    ("f8_single_bricks", "  bricks", None, 0),
    ("loader_update_cuts", "update of the loader, cut: sessions", 5000, None),
    ("loader_update_bricks", "  bricks", None, 0),
    ("trial_power_sessions", "power fails within a trial: sessions", 5000, None),
    ("trial_power_rejected", "  releases that power alone rejected before the 16th start", None, 0),
    ("trial_power_bricks", "  other bricks", None, 0),
    ("random_sessions", "three to five cuts by lot: sessions", 1, None),
    ("random_bricks", "  bricks", None, 0),
    ("waived_floor", "the oracle let pass: floor forgotten, both journals lost", None, 100),
    ("waived_rejected", "  good release refused, cuts took its starts", None, 0),
    ("waived_refused", "  call failed as its flash operation did", 1, None),
    ("waived_mirror", "  done with one copy, the other sector is worn or dips", 1, None),
    ("waived_run", "  second boot differs, for the first took the last run", None, 10000),
    ("waived_suspect", "  suspect word programmed, F8 leaves no evidence", None, None),
    ("elf_cuts", "cuts of the real binaries on the twin", 5000, None),
    ("elf_nested", "  of them in recoveries", 1, None),
    ("elf_watchdog_resets", "  resets by the watchdog and by the pin inside an erase", 1, None),
    ("elf_bricks", "  bricks", None, 0),
    ("loader_elf_cuts", "cuts of the update of the loader on the twin", 500, None),
    ("loader_elf_bricks", "  bricks", None, 0),
    ("mutants", "planted bugs", 60, None),
    ("mutants_caught", "  caught", None, None),
    ("skip_runs", "instruction faults on the twin", 1, None),
    ("skip_bad_boots", "  boots of the damaged image", None, 0),
    ("brownout_erases_per_sector_day", "worst brown-out day on the twin: erases of one sector", None, 3000),
    ("brownout_bricks", "  bricks", None, 0),
    ("brownout_model_erases_per_sector_day", "  the same by the host's model", None, 3000),
    ("brownout_model_erases_without_wait", "  and without the wait of rule R10", 3001, None),
    ("normal_boot_flash_writes", "flash writes of a normal boot", None, 0),
    ("journal_branches_percent", "branches of journal.c taken, per cent", 100, None),
    ("slots_branches_percent", "branches of slots.c taken, per cent", 100, None),
    ("seconds", "seconds", None, 1200),
]


def collect(folder):
    sums = {}
    for path in sorted(Path(folder).glob("*.fig")):
        for line in path.read_text(encoding="utf-8").splitlines():
            key, value = line.split()
            if key == "normal_boot_flash_writes":
                sums[key] = max(sums.get(key, 0), int(value))
            else:
                sums[key] = sums.get(key, 0) + int(value)
    return sums


def what_is_wrong(found, key, at_least, at_most):
    """What is wrong with a figure; nothing: ''."""
    if key == "mutants_caught":
        at_least = found.get("mutants", 1)
    if key not in found:
        return "missing"
    if at_least is not None and found[key] < at_least:
        return f"at least {at_least:,}"
    if at_most is not None and found[key] > at_most:
        return f"at most {at_most:,}"
    return ""


def report(folder, seconds, out, is_whole):
    """Print and write; keys of what misses its bound. `is_whole`: all jobs have run, so no figure may be missing."""
    found = collect(folder)
    found["seconds"] = seconds
    missed = []
    print()
    for key, text, at_least, at_most in KEYS:
        wrong = what_is_wrong(found, key, at_least, at_most) if key in found or is_whole else ""
        missed += [key] if wrong else []
        if key in found:
            print(f"{text:58} {found[key]:>12,}" + (f"  MISSED: {wrong}" if wrong else ""))
        elif wrong:
            print(f"{text:58} {'-':>12}  MISSED")
    flat = {key: found[key] for key, *_ in KEYS if key in found}
    Path(out).write_text(json.dumps(flat, indent=2) + "\n", encoding="utf-8")
    print(f"-> {out}" + (f"; missed: {', '.join(missed)}" if missed else ""))
    return missed


def self_test():
    """Figures that reach their bounds pass; each that does not is named."""
    good = {key: at_least or 0 for key, _, at_least, _ in KEYS}
    good["mutants_caught"] = good["mutants"]
    planted = [({}, []), ({"nested_bricks": 1}, ["nested_bricks"]), ({"elf_cuts": 4999}, ["elf_cuts"]),
               ({"loader_elf_bricks": 1}, ["loader_elf_bricks"]),
               ({"mutants_caught": 59}, ["mutants_caught"]),
               ({"waived_rejected": 1}, ["waived_rejected"]), ({"worn_floor_lost": 1}, ["worn_floor_lost"]), ({"skip_runs": None}, ["skip_runs"]),
               ({"brownout_erases_per_sector_day": 3001}, ["brownout_erases_per_sector_day"])]
    for change, expected in planted:
        with tempfile.TemporaryDirectory() as folder:
            figures = {k: v for k, v in {**good, **change}.items() if v is not None}
            Path(folder, "a.fig").write_text("".join(f"{k} {v}\n" for k, v in figures.items()), encoding="utf-8")
            missed = report(folder, 1, Path(folder, "out.json"), True)
            assert missed == expected, (change, missed)
