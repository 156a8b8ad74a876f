"""The suites: what each one runs, and where its outcomes come from.

A suite's run() gets a Run and returns outcomes; it starts nothing that outlives it.
"""

import dataclasses
import os
import pathlib
import re
import shutil
import subprocess
import time
from collections.abc import Callable

import outcomes
import processes
from brokers import AMQP_PORT, AMQPS_PORT, ROOT
from environments import C_LANGUAGE, CERTIFICATES, GO, HERE, JAVA, NODE, PYTHON
from outcomes import FAILED, PASSED, Outcome

TUTORIALS = ("hello_world", "work_queues", "publish_subscribe", "routing", "topics", "rpc")
TUTORIAL_TIMEOUT_S = 60
REDIS_PORT = 6379


@dataclasses.dataclass
class Run:
    """One run of a suite."""
    broker: object
    directory: pathlib.Path
    quick: bool
    timeout_s: float

    @property
    def log_path(self):
        return self.directory / "suite.log"

    def child(self, command, environment=None, cwd=None, timeout_s=None):
        settings = {
            "AMQP_URL": f"amqp://guest:guest@127.0.0.1:{AMQP_PORT}/",
            "RABBITMQ_HOST": "localhost",
            "RABBITMQ_5672_TCP": str(AMQP_PORT),
            "RABBITMQ_5671_TCP": str(AMQPS_PORT),
            "URL": f"amqp://localhost:{AMQP_PORT}",
            "HOME": str(self.directory),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        return processes.run(command, self.log_path, timeout_s or self.timeout_s, cwd=cwd or self.directory,
                             env=os.environ | settings | (environment or {}))


@dataclasses.dataclass(frozen=True)
class Suite:
    name: str
    # As docs/interop.md names it.
    client: str
    environments: tuple
    run: Callable
    # Written by others; only those count for the number of tests that must run.
    upstream: bool = True
    # Part of the quick part, whole or in part.
    quick: bool = True
    quick_is_whole: bool = True
    # Ends by itself when no broker is there.
    find_brokerless: bool = False
    timeout_s: float = 600


# --- Python ------------------------------------------------------------------------------------------


def pytest(run, package, arguments, environment=None):
    report = run.directory / "report.xml"
    report.unlink(missing_ok=True)
    # Reruns and caches stay off: a test that passes only sometimes has failed.
    command = [PYTHON.interpreter, "-m", "pytest", "-p", "no:cacheprovider", "-W", "ignore", "-q", "--tb=short",
               f"--junitxml={report}", *arguments]
    code = run.child(command, environment, PYTHON.source(package))
    return ended(code, (0, 1), outcomes.read_pytest(report) if report.exists() else [])


def py_amqp(run):
    return pytest(run, "amqp", ["t"])


def kombu(run):
    return pytest(run, "kombu", ["t/integration/test_py_amqp.py"])


def celery_sessions(run, backend, selections):
    """A session of pytest, and so a worker, for each: what one file leaves behind is not for the next."""
    environment = {
        "TEST_BROKER": f"pyamqp://guest:guest@127.0.0.1:{AMQP_PORT}//",
        "TEST_BACKEND": backend,
        # What upstream has in the configuration of its CI; some tests read the log.
        "WORKER_LOGLEVEL": "INFO",
        # patience.py is there.
        "PYTHONPATH": str(HERE / "python"),
        # Some tests start `celery`.
        "PATH": f"{PYTHON.interpreter.parent}:{os.environ['PATH']}",
    }
    out = []
    for selection in selections:
        out += pytest(run, "celery", ["-p", "celery.contrib.pytest", "-p", "patience", *selection], environment)
    return outcomes.merge(out)


def celery(run):
    """As upstream runs it against RabbitMQ: tasks over AMQP, results in Redis."""
    files = sorted((PYTHON.source("celery") / "t/integration").glob("test_*.py"))
    # Debian has the program in redis-tools, where no service comes with it, under a name by which it does another job.
    program = shutil.which("redis-server") or shutil.which("redis-check-rdb")
    with open(run.directory / "redis.log", "wb") as log:
        redis = processes.start(["redis-server", "--port", REDIS_PORT, "--bind", "127.0.0.1", "--save", ""], log,
                                cwd=run.directory, executable=program)
    try:
        return celery_sessions(run, f"redis://127.0.0.1:{REDIS_PORT}/0", [[file] for file in files])
    finally:
        processes.stop(redis)


# Tests that no other backend than AMQP's own is needed for.
CELERY_RPC = (
    ("t/integration/test_inspect.py",),
    ("t/integration/test_loader.py",),
    ("t/integration/test_tasks.py::test_apply_tasks", "t/integration/test_tasks.py::test_class_based_tasks",
     "t/integration/test_tasks.py::test_pool_acquire_timeout",
     "t/integration/test_tasks.py::test_signal_bound_method_receivers"),
)


def celery_rpc(run):
    """Results over AMQP too."""
    return celery_sessions(run, "rpc://", CELERY_RPC)


# --- Node --------------------------------------------------------------------------------------------


def force_exit():
    """Upstream's waitForQueue goes on asking after its test has ended when the queue was not full at the first look: the
    process would never end. Debian's Node has no such option yet."""
    option = "--test-force-exit"
    known = subprocess.run(["node", "--help"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return [option] if option in known else []


def amqplib(run):
    report = run.directory / "report.jsonl"
    source = NODE.modules / "amqplib"
    # Without the second that upstream allows for each test and file: a busy machine exceeds it.
    code = run.child(["node", "--test", *force_exit(), f"--test-reporter={HERE / 'node_reporter.mjs'}",
                      f"--test-reporter-destination={report}", *sorted(source.glob("test/*.test.js"))], cwd=source)
    return ended(code, (0, 1), outcomes.read_node(report) if report.exists() else [])


# --- Go ----------------------------------------------------------------------------------------------

# Drop connections over the management API, ten seconds each.
GO_MANAGED = "ConnectionRecovery"
# Do nothing, and pass, unless the product behind the connection is RabbitMQ.
GO_GATED = ("TestIntegrationRecoverNotImplemented", "TestRabbitMQQueueNackMultipleRequeue", "TestRabbitMQQueueTTLGet")
# 80,000 channels opened and closed.
GO_SLOW = ("TestChannelCounterShouldNotPanicIssue136",)


def amqp091_go(run):
    listed = subprocess.run([GO.test_binary, "-test.list", "."], capture_output=True, text=True, timeout=60, check=True)
    names = [name for name in listed.stdout.split() if name.startswith(("Test", "Example", "Fuzz"))]
    managed = [name for name in names if GO_MANAGED in name or name in GO_GATED]
    direct = [name for name in names if name not in managed]
    if run.quick:
        direct = [name for name in direct if name not in GO_SLOW]
        managed = list(GO_GATED)
    return outcomes.merge(go_tests(run, "direct", direct, AMQP_PORT) +
                          go_tests(run, "managed", managed, run.broker.managed_port))


def go_tests(run, part, names, port):
    report = run.directory / f"{part}.json"
    environment = {"AMQP_URL": f"amqp://guest:guest@127.0.0.1:{port}/"}
    if run.broker.rabbitmqctl:
        environment["RABBITMQ_RABBITMQCTL_PATH"] = str(run.broker.rabbitmqctl)
    pattern = "^(" + "|".join(names) + ")$"
    # Marks its own lines, so that a test may print what it likes; Debian 12's Go has it not yet.
    verbose = "-test.v=test2json"
    if subprocess.run([GO.test_binary, verbose, "-test.list", "^$"], capture_output=True, timeout=60).returncode != 0:
        verbose = "-test.v"
    # test2json passes the exit code on.
    code = run.child(["sh", "-c", 'exec "$0" -p amqp091-go "$1" "$2" -test.run "$3" >"$4"', GO.test2json,
                      GO.test_binary, verbose, pattern, report], environment, GO.source.resolve())
    found = ended(code, (0, 1, 2), outcomes.read_go(report) if report.exists() else [])
    begun = {outcome.name.partition("/")[0] for outcome in found}
    # An example without an expected output is compiled and not run.
    missing = [name for name in names if name not in begun and name.startswith("Test")]
    return found + [Outcome(name, FAILED, message="did not run") for name in missing]


# --- the tutorials -----------------------------------------------------------------------------------


def tutorials(command_of):
    """A suite of six programs that each check their own outcome."""

    def run_all(run):
        out = []
        for name in TUTORIALS:
            command, environment = command_of(name)
            out.append(outcome_of(run, name, command, environment))
        return out

    return run_all


def outcome_of(run, name, command, environment=None):
    """Of a program that checks its own outcome."""
    before, start = size_of(run.log_path), time.monotonic()
    code = run.child(command, environment, timeout_s=TUTORIAL_TIMEOUT_S)
    with open(run.log_path, "rb") as log:
        log.seek(before)
        said = log.read().decode(errors="replace")
    message = "" if code == 0 else f"exit code {code}: {said[-2000:]}"
    return Outcome(name, PASSED if code == 0 else FAILED, time.monotonic() - start, message)


def python_tutorial(name):
    return [PYTHON.interpreter, HERE / f"python/{name}.py"], {}


def node_tutorial(name):
    return ["node", HERE / f"node/{name}.js"], {"NODE_PATH": str(NODE.modules)}


def go_tutorial(name):
    return [GO.tutorials, name], {}


def java_tutorial(name):
    program = "".join(word.capitalize() for word in name.split("_"))
    return ["java", "-XX:+UseSerialGC", "-cp", f"{JAVA.directory}/classes:{JAVA.directory}/libraries/*", program], {}


def c_tutorial(name):
    return [C_LANGUAGE.directory / name], {}


# --- the documentation -------------------------------------------------------------------------------


def docs_python(run):
    """What docs/amqp.md shows, in a directory with certificates of the names it uses."""
    for name, file in (("ca.pem", "ca_certificate.pem"), ("shop.pem", "client_certificate.pem"),
                       ("shop.key", "client_key.pem")):
        (run.directory / name).symlink_to(CERTIFICATES.directory / file)
    found = re.findall(r"^```python\n(.*?)^```$", (ROOT / "docs/amqp.md").read_text(), re.M | re.S)
    return [outcome_of(run, f"amqp.md {number}", [PYTHON.interpreter, "-c", program])
            for number, program in enumerate(found, 1)]


# --- all of them -------------------------------------------------------------------------------------


def ended(code, expected, found):
    """A runner that died, or ran out of time, took tests with it that it did not report."""
    if code is None:
        return found + [Outcome("(runner)", FAILED, message="ran out of time")]
    if code not in expected or code == 1 and not any(o.verdict == FAILED for o in found):
        return found + [Outcome("(runner)", FAILED, message=f"exited with {code}")]
    return found


def size_of(path):
    return path.stat().st_size if path.exists() else 0


# The longest first, so that none is left alone at the end.
SUITES = (
    Suite("celery", "Celery (Python), results in Redis", (CERTIFICATES, PYTHON), celery, quick=False, timeout_s=3600),
    Suite("celery-rpc", "Celery (Python), results over AMQP", (CERTIFICATES, PYTHON), celery_rpc),
    Suite("amqp091-go", "amqp091-go (Go)", (GO,), amqp091_go, quick_is_whole=False, timeout_s=1200, find_brokerless=True),
    Suite("kombu", "kombu (Python)", (CERTIFICATES, PYTHON), kombu, find_brokerless=True),
    Suite("amqplib", "amqplib (Node.js)", (NODE,), amqplib, find_brokerless=True),
    Suite("py-amqp", "py-amqp (Python)", (CERTIFICATES, PYTHON), py_amqp, find_brokerless=True),
    Suite("tutorials-python", "pika (Python)", (CERTIFICATES, PYTHON), tutorials(python_tutorial), upstream=False),
    Suite("docs-python", "pika (Python), as docs/amqp.md has it", (CERTIFICATES, PYTHON), docs_python, upstream=False),
    Suite("tutorials-node", "amqplib (Node.js)", (NODE,), tutorials(node_tutorial), upstream=False),
    Suite("tutorials-go", "amqp091-go (Go)", (GO,), tutorials(go_tutorial), upstream=False),
    Suite("tutorials-java", "amqp-client (Java)", (JAVA,), tutorials(java_tutorial), upstream=False),
    Suite("tutorials-c", "librabbitmq (C)", (C_LANGUAGE,), tutorials(c_tutorial), upstream=False),
)
