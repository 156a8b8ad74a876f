"""Children with an end: every one has a deadline, a log and a process group of its own, and is ended by its id."""

import os
import signal
import subprocess
import time


class ChildFailed(Exception):
    """What a child that should have succeeded did instead, with the end of what it said."""


def start(command, log, **options):
    """A child in the background. Whoever starts it ends it with stop()."""
    return subprocess.Popen(
        [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
        start_new_session=True, **options)


def stop(child, patience_s=10):
    """SIGTERM to it, then SIGKILL to its whole group; returns its exit code."""
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(patience_s)
        except subprocess.TimeoutExpired:
            pass
    _kill_group(child.pid)
    return child.wait()


def run(command, log_path, timeout_s, **options):
    """Runs a child to its end; returns its exit code, or None when its time was up."""
    with open(log_path, "ab") as log:
        child = start(command, log, **options)
        try:
            return child.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None
        finally:
            _kill_group(child.pid)
            child.wait()


def must_run(command, log_path, timeout_s, **options):
    """As run(), for what must succeed."""
    code = run(command, log_path, timeout_s, **options)
    if code != 0:
        said = "took too long" if code is None else f"exited with {code}"
        raise ChildFailed(f"{' '.join(map(str, command))}: {said}; {log_path} ends with\n{tail(log_path)}")


def tail(path, lines=30):
    try:
        with open(path, errors="replace") as file:
            return "".join(file.readlines()[-lines:])
    except OSError:
        return ""


def wait_until(holds, timeout_s, child=None):
    """Asks again and again; False when the time is up or the child has ended."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if holds():
            return True
        if child is not None and child.poll() is not None:
            return False
        time.sleep(0.05)
    return False


def _kill_group(pid):
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
