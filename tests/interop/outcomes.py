"""What a runner reported, as named tests with one verdict each."""

import dataclasses
import json
import os
import xml.etree.ElementTree as ElementTree

PASSED, SKIPPED, FAILED = "passed", "skipped", "failed"
# A name that is reported twice, as by a test that passes and whose teardown fails, has the worse verdict.
_SEVERITY = (PASSED, SKIPPED, FAILED)


@dataclasses.dataclass
class Outcome:
    name: str
    verdict: str
    seconds: float = 0.0
    message: str = ""


def merge(outcomes):
    """One outcome per name, in the order of their first appearance."""
    by_name = {}
    for outcome in outcomes:
        known = by_name.setdefault(outcome.name, outcome)
        if _SEVERITY.index(outcome.verdict) > _SEVERITY.index(known.verdict):
            by_name[outcome.name] = outcome
    return list(by_name.values())


def read_pytest(path):
    """A report of `pytest --junitxml`. An expected failure counts as skipped: it did not show that anything works."""
    out = []
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        name = "::".join(part for part in (case.get("classname"), case.get("name")) if part)
        seconds = float(case.get("time") or 0)
        verdict, message = PASSED, ""
        for child in case:
            if child.tag in ("failure", "error"):
                verdict = FAILED
            elif child.tag == "skipped" and verdict != FAILED:
                verdict = SKIPPED
            else:
                continue
            message = child.get("message") or ""
        out.append(Outcome(name, verdict, seconds, message))
    return merge(out)


def read_go(path):
    """Lines of test2json. A test with subtests is counted by those; its own failure counts when they all passed."""
    verdicts = {"pass": PASSED, "fail": FAILED, "skip": SKIPPED}
    said, found, running = {}, {}, {}
    for event in _json_lines(path):
        name = event.get("Test")
        if not name:
            continue
        action = event["Action"]
        if action == "run":
            running[name] = True
        elif action == "output":
            said.setdefault(name, []).append(event["Output"])
        elif action in verdicts:
            running.pop(name, None)
            found[name] = Outcome(name, verdicts[action], event.get("Elapsed", 0.0))
    # What was cut off, by a panic or a deadline, did not pass.
    for name in running:
        found[name] = Outcome(name, FAILED, message="did not end")
    parents = {name.rpartition("/")[0] for name in found}
    failed = [name for name, outcome in found.items() if outcome.verdict == FAILED]
    out = []
    for name, outcome in found.items():
        below = any(other.startswith(name + "/") for other in failed)
        if name in parents and (outcome.verdict != FAILED or below):
            continue
        if outcome.verdict != PASSED:
            outcome.message = outcome.message or "".join(said.get(name, [])[-12:]).strip()
        out.append(outcome)
    return merge(out)


def read_node(path):
    """Lines of node_reporter.mjs: `describe > it`, below the name of its file."""
    out, open_names, seen = [], {}, {}
    for event in _json_lines(path):
        file = os.path.basename(event.get("file") or "")
        path_of_names = open_names.setdefault(file, [])
        if event["type"] == "start":
            del path_of_names[event["nesting"]:]
            path_of_names.append(event["name"])
            continue
        is_file = event["name"].endswith(file) and event["nesting"] == 0
        failed = event["type"] == "fail" and not event.get("todo")
        if (event.get("suite") or is_file) and not (failed and event.get("own_failure")):
            continue
        # A file that could not be loaded never started.
        names = path_of_names[:event["nesting"]] + [event["name"]]
        name = f"{file}::" + ("loads" if is_file else " > ".join(names))
        # Two tests of one file may have the same name.
        count = seen[name] = seen.get(name, 0) + 1
        verdict = FAILED if failed else SKIPPED if event.get("skip") or event.get("todo") else PASSED
        out.append(Outcome(name if count == 1 else f"{name} ({count})", verdict, event.get("ms", 0) / 1000,
                           event.get("error") or ""))
    return out


def read_own(path):
    """Lines that the tutorials' driver writes: {"name", "verdict", "seconds", "message"}."""
    return merge(Outcome(**line) for line in _json_lines(path))


def _json_lines(path):
    with open(path, errors="replace") as file:
        for line in file:
            # A test may print without ending its line.
            if line.startswith("{"):
                try:
                    yield json.loads(line)
                except ValueError:
                    pass
