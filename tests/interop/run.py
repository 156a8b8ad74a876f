#!/usr/bin/env python3
"""Runs the test suites of AMQP clients nobody here wrote, and RabbitMQ's six tutorials in five languages.

Each suite gets a fresh broker, a network of its own where the kernel allows it, and a limit of time. The last line is
`N passed, M failed, K skipped`; the exit code is 0 only if nothing failed and no suite came out empty.

  run.py [--quick] [--suite NAME]... [--broker escrowd|rabbitmq|rabbitmq-bare] [--jobs N] [--verdicts FILE]
  run.py --list               the suites
  run.py --find-brokerless    runs them with no broker there; what passes is written to brokerless.txt
  run.py --write-docs         writes the tables of docs/interop.md

rabbitmq-bare is Debian's server without what run.py has stand-ins for. ESCROWD names another binary than
build/release/escrowd.
"""

import argparse
import concurrent.futures
import dataclasses
import fcntl
import json
import pathlib
import shutil
import signal
import sys
import time

import brokers
import decisions
import docs
import environments
import isolation
import outcomes
import processes
from suites import SUITES, Run

# Of the quick part: named tests by clients nobody here wrote.
QUICK_TESTS_MIN = 200
# For the broker to start and stop around a suite.
AROUND_S = 180
# Of what is shown of failures; all of it is in the logs.
DETAILED_FAILURES = 15
DETAIL_LINES = 20
DETAIL_COLUMNS = 200


@dataclasses.dataclass
class Report:
    """What came of one suite."""
    suite: object
    seconds: float
    found: list
    judged: decisions.Judged


def main(arguments):
    options = parse(arguments)
    selected = select(options)
    if options.inside:
        return run_inside(selected[0], options)
    if options.list:
        for suite in SUITES:
            print(f"{suite.name:18} {suite.client}{'' if suite.quick else ', not in the quick part'}")
        return 0
    if options.write_docs:
        docs.write(decisions.load())
        return 0
    return run_suites(selected, options)


def parse(arguments):
    parser = argparse.ArgumentParser(usage=__doc__, add_help=True)
    parser.add_argument("--suite", action="append", default=[])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--broker", choices=[*brokers.BROKERS, "none"], default="escrowd")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--verdicts", type=pathlib.Path)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--find-brokerless", action="store_true")
    parser.add_argument("--write-docs", action="store_true")
    # How run.py starts itself in a network of its own.
    parser.add_argument("--inside", type=pathlib.Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.find_brokerless:
        options.broker = "none"
    return options


def select(options):
    known = {suite.name: suite for suite in SUITES}
    unknown = [name for name in options.suite if name not in known]
    if unknown:
        sys.exit(f"run.py: no such suite: {' '.join(unknown)}; see --list")
    # Celery's workers wait for a broker for hours; its lines are kept by hand.
    all_of_them = [suite for suite in SUITES if not options.find_brokerless or suite.find_brokerless]
    chosen = [known[name] for name in options.suite] or all_of_them
    return [suite for suite in chosen if suite.quick or not options.quick]


# --- inside a network of its own ----------------------------------------------------------------------


def run_inside(suite, options):
    """Runs one suite with its broker and leaves outcomes.json."""
    # As a first process it would not be ended by it; and what was started is to be ended too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if isolation.command_prefix():
        isolation.bring_loopback_up()
    directory = options.inside
    start = time.monotonic()
    if options.broker == "none":
        found = suite.run(Run(NoBroker(), directory, options.quick, suite.timeout_s))
    else:
        try:
            with brokers.BROKERS[options.broker](directory / "broker", environments.CERTIFICATES.directory) as broker:
                found = suite.run(Run(broker, directory, options.quick, suite.timeout_s))
                if not broker.alive():
                    said = processes.tail(broker.log_path)
                    found.append(outcomes.Outcome("(broker)", outcomes.FAILED, message=f"ended early:\n{said}"))
        except processes.ChildFailed as failure:
            found = [outcomes.Outcome("(broker)", outcomes.FAILED, message=str(failure))]
    report = {"seconds": time.monotonic() - start, "outcomes": [dataclasses.asdict(outcome) for outcome in found]}
    (directory / "outcomes.json").write_text(json.dumps(report))
    return 0


class NoBroker:
    rabbitmqctl = None
    managed_port = brokers.AMQP_PORT


# --- outside --------------------------------------------------------------------------------------------


def run_suites(selected, options):
    listed, brokerless = decisions.load(), decisions.load_brokerless()
    prepared = [environments.CERTIFICATES, *(environment for suite in selected for environment in suite.environments)]
    for environment in dict.fromkeys(prepared):
        environment.prepare()
    # On the machine's own loopback two suites would meet on the same ports.
    jobs = options.jobs if isolation.command_prefix() else 1
    start = time.monotonic()
    reports = []
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        running = {pool.submit(run_suite, suite, options): suite for suite in selected}
        for done in concurrent.futures.as_completed(running):
            suite = running[done]
            seconds, found = done.result()
            whole = not options.quick or suite.quick_is_whole
            judged = decisions.judge(suite.name, options.broker.removesuffix("-bare"), found, listed,
                                     brokerless.get(suite.name, ()), whole)
            reports.append(Report(suite, seconds, found, judged))
            print(f"interop: {suite.name}: {len(judged.passed)} passed, {len(judged.failures)} failed, "
                  f"{seconds:.0f} s", flush=True)
    reports.sort(key=lambda report: selected.index(report.suite))
    if options.find_brokerless:
        write_brokerless(reports)
        return 0
    if options.quick and not options.suite:
        require_enough(reports)
    if options.verdicts:
        write_verdicts(reports, options.verdicts)
    return print_reports(reports, time.monotonic() - start)


def run_suite(suite, options):
    """(seconds, outcomes) of a suite that ran in a process of its own, once at a time."""
    directory = environments.BUILD / "runs" / suite.name
    directory.parent.mkdir(exist_ok=True)
    with open(directory.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return run_alone(suite, directory, options)


def run_alone(suite, directory, options):
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    command = [*isolation.command_prefix(), sys.executable, __file__, "--inside", directory, "--suite", suite.name,
               "--broker", options.broker, *(["--quick"] if options.quick else [])]
    code = processes.run(command, directory / "run.log", suite.timeout_s + AROUND_S)
    try:
        report = json.loads((directory / "outcomes.json").read_text())
    except OSError:
        said = f"{'ran out of time' if code is None else f'exited with {code}'}:\n{processes.tail(directory / 'run.log')}"
        return 0.0, [outcomes.Outcome("(run)", outcomes.FAILED, message=said)]
    # Data is large and of no use afterwards; logs stay.
    shutil.rmtree(directory / "broker/data", ignore_errors=True)
    return report["seconds"], [outcomes.Outcome(**outcome) for outcome in report["outcomes"]]


def require_enough(reports):
    upstream = [report for report in reports if report.suite.upstream]
    count = sum(len(report.judged.passed) for report in upstream)
    if count < QUICK_TESTS_MIN:
        upstream[0].judged.failures.append(
            ("(quick part)", f"{count} tests by clients nobody here wrote passed; {QUICK_TESTS_MIN} have to"))


def write_verdicts(reports, path):
    """Lines for tools/test_totals.py. Tests that need no broker prove nothing about one and are left out."""
    with open(path, "w") as file:
        for report in reports:
            judged = report.judged
            for word, names in (("PASS", judged.passed), ("FAIL", [name for name, _ in judged.failures]),
                                ("SKIP", [name for name, _ in judged.skipped])):
                for name in names:
                    file.write(f"{word} interop {report.suite.name}: {' '.join(name.split())}\n")


def write_brokerless(reports):
    path = decisions.HERE / "brokerless.txt"
    kept = [line for line in path.read_text().splitlines()
            if line.startswith("#") or line.partition(" ")[0] not in {report.suite.name for report in reports}]
    for report in reports:
        if report.suite.upstream:
            kept += [f"{report.suite.name} {pattern}" for pattern in decisions.patterns_of_passed(report.found)]
    path.write_text("\n".join(kept) + "\n")


def print_reports(reports, seconds):
    for report in reports:
        for number, (name, message) in enumerate(report.judged.failures):
            print(f"FAIL {report.suite.name}: {name}")
            if number < DETAILED_FAILURES:
                for line in message.strip().splitlines()[-DETAIL_LINES:]:
                    print(f"    {line[:DETAIL_COLUMNS]}")
    print(f"\n{'suite':18} {'passed':>7} {'failed':>7} {'skipped':>8} {'without broker':>15} {'seconds':>8}")
    totals = [0, 0, 0]
    for report in reports:
        judged = report.judged
        counts = len(judged.passed), len(judged.failures), len(judged.skipped)
        totals = [total + count for total, count in zip(totals, counts)]
        print(f"{report.suite.name:18} {counts[0]:7} {counts[1]:7} {counts[2]:8} {len(judged.brokerless):15} "
              f"{report.seconds:8.0f}")
    print(f"{seconds:.0f} s in all; logs are in {environments.BUILD.relative_to(brokers.ROOT)}/runs")
    print(f"{totals[0]} passed, {totals[1]} failed, {totals[2]} skipped")
    return 1 if totals[1] or not totals[0] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
