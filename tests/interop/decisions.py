"""The skip list, and what it makes of what a suite reported.

A listed test is run all the same where it can run: the day it passes, its line is an error, unless it is unsteady.
"""

import dataclasses
import pathlib
import tomllib

from outcomes import FAILED, PASSED, SKIPPED

HERE = pathlib.Path(__file__).parent
SHARE_LIMIT = 0.03
REASON_LENGTH_MIN = 20


@dataclasses.dataclass(frozen=True)
class Decision:
    suite: str
    test: str
    reason: str
    # With which broker; empty: with every one.
    broker: str = ""
    # Passes or fails by chance, whatever the broker does: its outcome says nothing.
    unsteady: bool = False


@dataclasses.dataclass
class Judged:
    """A suite's outcomes after the decisions. Failures are (name, message)."""
    passed: list = dataclasses.field(default_factory=list)
    # Passed too, and would have passed with no broker there: they prove nothing about one and are not counted.
    brokerless: list = dataclasses.field(default_factory=list)
    skipped: list = dataclasses.field(default_factory=list)
    failures: list = dataclasses.field(default_factory=list)


def load(path=HERE / "skipped.toml"):
    with open(path, "rb") as file:
        entries = tomllib.load(file).get("skip", [])
    decisions = [Decision(**entry) for entry in entries]
    for decision in decisions:
        if len(decision.reason) < REASON_LENGTH_MIN or "not implemented" in decision.reason.lower():
            raise ValueError(f"{path}: no reason that counts: {decision.suite} {decision.test}")
    keys = [(decision.suite, decision.test, decision.broker) for decision in decisions]
    if len(set(keys)) != len(keys):
        raise ValueError(f"{path}: something is listed twice")
    return decisions


def load_brokerless(path=HERE / "brokerless.txt"):
    """{suite: [pattern]} of the tests that need no broker; a pattern may end in `*`."""
    out = {}
    for line in path.read_text().splitlines():
        if line and not line.startswith("#"):
            suite, _, pattern = line.partition(" ")
            out.setdefault(suite, []).append(pattern)
    return out


def is_brokerless(name, patterns):
    return any(name.startswith(p[:-1]) if p.endswith("*") else name == p for p in patterns)


def judge(suite, broker, outcomes, decisions, brokerless=(), whole=True):
    """`whole`: all tests of the suite ran, so that what is listed and did not turn up does not exist."""
    out = Judged()
    listed = {d.test: d for d in decisions if d.suite == suite and d.broker in ("", broker)}
    for outcome in outcomes:
        decision = listed.get(outcome.name)
        if decision and outcome.verdict == PASSED and not decision.unsteady:
            out.failures.append((outcome.name, "is listed in skipped.toml, but passes"))
        elif decision:
            out.skipped.append((outcome.name, decision.reason))
        elif outcome.verdict == FAILED:
            out.failures.append((outcome.name, outcome.message))
        elif outcome.verdict == SKIPPED:
            out.failures.append((outcome.name, "skipped without a decision: " + outcome.message))
        elif is_brokerless(outcome.name, brokerless):
            out.brokerless.append(outcome.name)
        else:
            out.passed.append(outcome.name)
    if not out.passed:
        out.failures.append(("(all)", "no test of this suite passed"))
    if whole:
        names = {outcome.name for outcome in outcomes}
        out.failures += [(name, "is listed in skipped.toml, but does not exist") for name in listed if name not in names]
        if len(out.skipped) > SHARE_LIMIT * len(outcomes):
            out.failures.append(("(all)", f"{len(out.skipped)} of {len(outcomes)} are skipped: more than {SHARE_LIMIT:.0%}"))
    return out


def patterns_of_passed(outcomes):
    """The names of what passed, with a group given as one pattern where all of it passed."""
    groups = {}
    for outcome in outcomes:
        groups.setdefault(_group(outcome.name), []).append(outcome)
    out = []
    for group, members in groups.items():
        if len(members) > 1 and all(member.verdict == PASSED for member in members):
            out.append(group + "*")
        else:
            out += [member.name for member in members if member.verdict == PASSED]
    return sorted(out)


def _group(name):
    """Up to the file or class, or the test that has subtests."""
    for separator in ("::", "/"):
        head, found, _ = name.partition(separator)
        if found:
            return head + found
    return name
