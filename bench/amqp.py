#!/usr/bin/env python3
"""AMQP: Escrow's figures beside RabbitMQ's, measured in turns on this machine, and where Escrow's processor time goes.

  amqp.py [--quick] DIRECTORY    DIRECTORY is on the disk to be measured; a part of it is used and removed again

Every load runs on a broker that was started for it with no data, and while it runs there is no other one: the brokers take
turns, several times, and the medians are compared. RabbitMQ is Debian's package with a configuration of its own; where it is
not installed Escrow is measured alone. The report is printed in the end; what happens until then goes to standard error.
Takes about six minutes; --quick one, with figures that say nothing.
"""

import argparse
import contextlib
import dataclasses
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/interop"))
import brokers  # noqa: E402
import isolation  # noqa: E402
import processes  # noqa: E402

BUILD = pathlib.Path(os.environ.get("ESCROW_BUILD_DIR", ROOT / "build/release"))
# Which server brokers.py starts.
os.environ.setdefault("ESCROWD", str(BUILD / "escrowd"))
LOAD_TIMEOUT_S = 300
MIB = 1 << 20
# Of the disk that a backlog took, for it to count as given back.
LEFT_ON_DISK = 0.1
GIVEN_BACK_WITHIN_S = 10
FUNCTIONS_SHOWN = 25
FUNCTION_COLUMNS = 110


@dataclasses.dataclass
class Effort:
    """How much of it is measured."""
    rounds: int = 3
    seconds: float = 4
    warm_up: float = 1
    slices: int = 21
    waiting: int = 8_000_000
    connections: int = 2000


QUICK = Effort(rounds=1, seconds=1, warm_up=0.3, slices=5, waiting=400_000)


@dataclasses.dataclass
class Comparison:
    """A load, and what Escrow's figure has to be as a multiple of RabbitMQ's."""
    name: str
    arguments: tuple
    figure: str
    unit: str
    goal: float
    at_least: bool = True
    note: str = ""


COMPARISONS = (
    Comparison("window 1,000", ("pair",), "confirmed_per_s", "msg/s", 14, note=" (mark: 20)"),
    Comparison("window 100", ("pair", "--window", 100), "confirmed_per_s", "msg/s", 6),
    Comparison("1 KiB, 2 producers, 2 consumers", ("pair", "--producers", 2, "--consumers", 2, "--size", 1024),
               "confirmed_per_s", "msg/s", 12),
    Comparison("paced, 20,000/s: deliver p99", ("pair", "--rate", 20000), "deliver_p99_us", "us", 0.5, at_least=False),
    Comparison("fan-out to 10 queues", ("fanout", "--queues", 10), "delivered_per_s", "msg/s", 3),
    Comparison("1,000 queues in turn", ("turns", "--queues", 1000), "confirmed_per_s", "msg/s", 5),
)


class Measured:
    """What the report asks of a broker."""

    @property
    def process_id(self):
        return self._children[-1].pid


class Escrowd(Measured, brokers.Escrowd):
    title = "Escrow"


class RabbitMq(Measured, brokers.BareRabbitMq):
    title = "RabbitMQ"


class Table:
    """The rows of the report."""

    HEADER = ("measure", "Escrow", "beside it", "ratio", "goal", "")
    WIDTHS = (44, 16, 22, 8, 24, 0)

    def __init__(self):
        self._rows = [self.HEADER]

    def compare(self, name, unit, figure, other, goal, at_least=True, other_is="", note=""):
        """A goal for the ratio of two figures. Without the other one there is none."""
        goal_text = f"at {'least' if at_least else 'most'} {goal:g} x{note}"
        if other is None:
            self._add(name, f"{number(figure)} {unit}", "-", "-", goal_text, "not compared")
            return
        ratio = figure / other if other else 0
        met = ratio >= goal if at_least else ratio <= goal
        self._add(name, f"{number(figure)} {unit}", f"{number(other)} {other_is or unit}", f"{ratio:.2f}", goal_text,
                  verdict(met))

    def limit(self, name, unit, figure, goal):
        self._add(name, f"{number(figure)} {unit}".strip(), "", "", f"at most {goal:g} {unit}".strip(),
                  verdict(figure <= goal))

    def _add(self, *cells):
        self._rows.append(cells)

    def lines(self):
        for row in self._rows:
            yield row[0].ljust(self.WIDTHS[0]) + "".join(
                f"  {cell:>{width}}" for cell, width in zip(row[1:-1], self.WIDTHS[1:])) + "  " + row[-1]


def verdict(met):
    return "met" if met else "MISSED"


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


def say(text):
    print(text, file=sys.stderr, flush=True)


@contextlib.contextmanager
def fresh(kind, directory):
    """A broker without data, which goes with it."""
    if brokers.is_open("127.0.0.1", brokers.AMQP_PORT):
        raise processes.ChildFailed(f"something else listens on port {brokers.AMQP_PORT}")
    try:
        with kind(directory, None) as broker:
            yield broker
            if not broker.alive():
                raise processes.ChildFailed(f"{broker.name} ended early:\n{processes.tail(broker.log_path)}")
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def load(title, *arguments, prefix=()):
    """Runs a load; returns its figures by name."""
    command = [str(part) for part in (*prefix, BUILD / "bench/amqp", *arguments)]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=LOAD_TIMEOUT_S)
    if done.returncode != 0:
        raise processes.ChildFailed(f"{title}: {' '.join(command)}: exited with {done.returncode}\n{done.stderr}")
    figures = {}
    for line in done.stdout.splitlines():
        if line.startswith("figure "):
            _, name, value = line.split()
            figures[name] = float(value)
        else:
            say(f"{title}: {line}")
    return figures


class Measurement:
    """What is measured, on brokers in `directory`, and what came of it."""

    def __init__(self, directory, effort):
        self._directory = directory
        self._effort = effort
        self._timing = ("--seconds", effort.seconds, "--warm-up", effort.warm_up)
        self._kinds = [Escrowd, *([RabbitMq] if RabbitMq.HOME.exists() else [])]
        self.table = Table()

    def compare(self):
        figures = {(comparison.name, kind): [] for comparison in COMPARISONS for kind in self._kinds}
        for _ in range(self._effort.rounds):
            for comparison in COMPARISONS:
                for kind in self._kinds:
                    with self._fresh(kind):
                        found = load(kind.title, *comparison.arguments, *self._timing)
                    figures[comparison.name, kind].append(found[comparison.figure])
        for comparison in COMPARISONS:
            escrow, *others = (statistics.median(figures[comparison.name, kind]) for kind in self._kinds)
            self.table.compare(comparison.name, comparison.unit, escrow, others[0] if others else None, comparison.goal,
                               comparison.at_least, note=comparison.note)

    def lone(self):
        with self._fresh(Escrowd):
            puts = self._directory / "puts"
            found = load("Escrow", "lone", "--directory", puts, "--slices", self._effort.slices)
            shutil.rmtree(puts)
        self.table.compare("window 1", "msg/s", found["confirmed_per_s"], found["put_per_s"], 0.75,
                           other_is="synced puts/s")

    def waiting(self):
        count = self._effort.waiting
        with self._fresh(Escrowd) as broker:
            data = broker.directory / "data"
            load("Escrow", "waiting", "--count", count)
            self.table.limit(f"{count:,} messages waiting: resident", "MiB", resident_bytes(broker) / MIB, 250)
            before = disk_bytes(data)
            load("Escrow", "drain")
            start = time.monotonic()
            processes.wait_until(lambda: disk_bytes(data) <= before * LEFT_ON_DISK, GIVEN_BACK_WITHIN_S)
            took, left = time.monotonic() - start, disk_bytes(data)
        say(f"Escrow: on disk {before / MIB:,.0f} MiB with the backlog, {left / MIB:,.0f} MiB {took:.1f} s after it")
        self.table.limit(f"... share of the disk kept {GIVEN_BACK_WITHIN_S} s after draining", "", left / before,
                         LEFT_ON_DISK)

    def idle(self):
        count = self._effort.connections
        with self._fresh(Escrowd) as broker:
            before = resident_bytes(broker)
            command = [BUILD / "bench/amqp", "idle", "--connections", str(count)]
            with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as clients:
                if clients.stdout.readline() != "ready\n":
                    raise processes.ChildFailed(f"{count} connections cannot be opened")
                each = (resident_bytes(broker) - before) / count
                clients.stdin.close()
        self.table.limit(f"{count:,} idle connections: each", "KiB", each / 1024, 25)

    def processor_time(self):
        """Lines about the threads of the server under the load of window 1,000; where perf is, about functions too."""
        with self._fresh(Escrowd) as broker:
            before, load_before, start = thread_times(broker), load_seconds(), time.monotonic()
            load("Escrow", "pair", *self._timing)
            took, load_took, after = time.monotonic() - start, load_seconds() - load_before, thread_times(broker)
            yield from describe_threads(before, after, took)
            yield f"The load used {load_took / took:.2f} cores."
            if may_profile():
                record = self._directory / "perf.data"
                profiler = ("perf", "record", "--quiet", "--freq", 499, "--pid", broker.process_id, "--output", record)
                load("Escrow, profiled", "pair", *self._timing, prefix=(*profiler, "--"))
                yield from describe_functions(record)

    def _fresh(self, kind):
        return fresh(kind, self._directory / kind.name)


def resident_bytes(broker):
    status = pathlib.Path(f"/proc/{broker.process_id}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


def disk_bytes(directory):
    total = 0
    for path in directory.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            total += path.lstat().st_blocks * 512
    return total


def load_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def thread_times(broker):
    """{thread id: (name, user seconds, system seconds)}"""
    tick = os.sysconf("SC_CLK_TCK")
    times = {}
    for task in pathlib.Path(f"/proc/{broker.process_id}/task").iterdir():
        with contextlib.suppress(FileNotFoundError):
            name, _, rest = (task / "stat").read_text().partition("(")[2].rpartition(")")
            fields = rest.split()
            times[int(task.name)] = (name, int(fields[11]) / tick, int(fields[12]) / tick)
    return times


def describe_threads(before, after, took):
    used = []
    for thread, (name, user, system) in after.items():
        _, user_before, system_before = before.get(thread, (name, 0, 0))
        used.append((user - user_before, system - system_before, thread, name))
    total = sum(user + system for user, system, *_ in used)
    yield f"The server used {total / took:.2f} cores. Its threads, those that used 1 % or more:"
    yield f"  {'thread':24} {'user':>7} {'system':>7}"
    for user, system, thread, name in sorted(used, key=lambda use: -use[0] - use[1]):
        if user + system >= total / 100:
            yield f"  {f'{thread} {name}':24} {user / total:7.1%} {system / total:7.1%}"


def may_profile():
    return shutil.which("perf") and subprocess.run(
        ["perf", "record", "--quiet", "--output", "/dev/null", "--", "true"], capture_output=True).returncode == 0


def describe_functions(record):
    report = subprocess.run(
        ["perf", "report", "--stdio", "--no-children", "--sort", "pid,symbol", "--input", record],
        capture_output=True, text=True, timeout=LOAD_TIMEOUT_S, check=True)
    lines = [line for line in report.stdout.splitlines() if line.strip() and not line.startswith("#")]
    yield "Its functions, by thread:"
    yield from (f"  {line.strip()[:FUNCTION_COLUMNS].rstrip()}" for line in lines[:FUNCTIONS_SHOWN])


def main(arguments):
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("directory", type=pathlib.Path)
    # How it starts itself in a network of its own.
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    prefix = isolation.command_prefix()
    if not options.inside:
        return subprocess.run([*prefix, sys.executable, __file__, "--inside", *arguments]).returncode
    if prefix:
        isolation.bring_loopback_up()
    try:
        with tempfile.TemporaryDirectory(dir=options.directory, prefix="amqp.") as directory:
            measure(Measurement(pathlib.Path(directory), QUICK if options.quick else Effort()))
    except (processes.ChildFailed, subprocess.SubprocessError) as failure:
        say(str(failure))
        return 1
    return 0


def measure(measurement):
    measurement.compare()
    measurement.lone()
    measurement.waiting()
    measurement.idle()
    processor_time = list(measurement.processor_time())
    if not RabbitMq.HOME.exists():
        print("RabbitMQ is not installed (apt-get install rabbitmq-server): Escrow alone.")
    print("\n".join(measurement.table.lines()))
    print("\nWhere the processor time goes, window 1,000:")
    print("\n".join(processor_time))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
