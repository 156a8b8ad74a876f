#!/usr/bin/env python3
"""Adds up what a test run left in a directory and prints `N passed, N failed`.

Read are ctest.xml (ctest --output-junit), one <name>.xml per GoogleTest binary, whose cases then count
instead of the binary, and *.txt with lines that start with PASS, FAIL or SKIP. Exits with 1 when something failed or
nothing ran.

Usage: test_totals.py directory
"""

import pathlib
import sys
import xml.etree.ElementTree as ElementTree


def gtest_counts(file):
    """(passed, failed, skipped) of a GoogleTest report; None when there is none or it was cut off by a crash."""
    try:
        suites = ElementTree.parse(file).getroot()
    except (OSError, ElementTree.ParseError):
        return None
    cases = [case for case in suites.iter("testcase") if case.get("status") != "notrun"]
    skipped = sum(case.find("skipped") is not None for case in cases)
    failed = sum(case.find("failure") is not None for case in cases)
    return len(cases) - failed - skipped, failed, skipped


def ctest_counts(directory):
    passed = failed = skipped = 0
    report = directory / "ctest.xml"
    if not report.exists():
        return passed, failed, skipped
    for test in ElementTree.parse(report).getroot().iter("testcase"):
        succeeded = test.get("status") == "run"
        if test.get("status") == "disabled":
            skipped += 1
            continue
        ok, bad, left_out = gtest_counts(directory / f"{test.get('name')}.xml") or (int(succeeded), 0, 0)
        # A binary can fail after its last case, or before it could report one.
        failed += bad if succeeded or bad else 1
        passed += ok
        skipped += left_out
    return passed, failed, skipped


def line_counts(directory):
    lines = [line for file in sorted(directory.glob("*.txt")) for line in file.read_text().splitlines()]
    return tuple(sum(line.startswith(verdict) for line in lines) for verdict in ("PASS ", "FAIL ", "SKIP "))


def main(arguments):
    directory = pathlib.Path(arguments[0])
    passed, failed, skipped = ctest_counts(directory)
    more_passed, more_failed, more_skipped = line_counts(directory)
    passed += more_passed
    failed += more_failed
    skipped += more_skipped
    if skipped:
        print(f"{skipped} skipped")
    print(f"{passed} passed, {failed} failed")
    # A filter that matches nothing is a mistake, not a success.
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
