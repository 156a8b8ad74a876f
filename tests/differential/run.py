#!/usr/bin/env python3
"""Generated sequences of AMQP methods on Debian's rabbitmq-server and on escrowd side by side; what they say is compared.

Prints each difference that differences.toml does not list, with its seed and the fewest steps that show it. The last line
is `N passed, M failed`; the exit code is 0 only if nothing failed.

  run.py [--sequences N] [--first SEED] [--verdicts FILE]   seeds SEED to SEED + N - 1
  run.py --seed SEED          one sequence, with every step

ESCROWD names another binary than build/release/escrowd.
"""

import argparse
import contextlib
import fcntl
import pathlib
import shutil
import signal
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "interop"))

import brokers  # noqa: E402
import generator  # noqa: E402
import isolation  # noqa: E402
import listed  # noqa: E402
import minimise  # noqa: E402
import peer  # noqa: E402
import processes  # noqa: E402
import sequence  # noqa: E402

RUNS = brokers.ROOT / "build/differential"
SEQUENCES = 500
# A rule of the list that the first ones do not need is not needed.
RULES_NEED = SEQUENCES
# The steps of more than these are not minimised.
MINIMISED = 12
# What differs there is known to differ: less patience.
MINIMISING_AGREE_S = 0.4
TIMEOUT_S = 900


def main(arguments):
    options = parse(arguments)
    # What was started is ended, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if options.inside:
        return run_inside(options)
    RUNS.mkdir(parents=True, exist_ok=True)
    with open(RUNS / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return run_isolated(arguments)


def parse(arguments):
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--sequences", type=int, default=SEQUENCES)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--verdicts", type=pathlib.Path)
    # How it starts itself where all that it starts ends with it.
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def run_isolated(arguments):
    shutil.rmtree(RUNS / "servers", ignore_errors=True)
    log = RUNS / "run.log"
    log.unlink(missing_ok=True)
    command = [*isolation.command_prefix(), sys.executable, __file__, "--inside", *arguments]
    with open(log, "w") as file:
        child = processes.start(command, file)
        try:
            follow(child, log)
        finally:
            code = processes.stop(child)
            shutil.rmtree(RUNS / "servers/escrowd/data", ignore_errors=True)
            shutil.rmtree(RUNS / "servers/rabbitmq/data", ignore_errors=True)
    return code


def follow(child, log):
    """Shows what it says; ends it when its time is up."""
    deadline = time.monotonic() + TIMEOUT_S
    with open(log) as file:
        while processes.wait_until(lambda: child.poll() is not None, 0.2) is False and time.monotonic() < deadline:
            print(file.read(), end="", flush=True)
        print(file.read(), end="", flush=True)
    if child.poll() is None:
        print("differential: ran out of time\n0 passed, 1 failed")


def run_inside(options):
    if isolation.command_prefix():
        isolation.bring_loopback_up()
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(make(RUNS / "servers" / make.name, port=brokers.free_port()))
                   for make in (brokers.BareRabbitMq, brokers.Escrowd)]
        peers = [peer.Peer(server.name, server.port) for server in servers]
        return run_sequences(options, peers)


def run_sequences(options, peers):
    rules = listed.load()
    seeds = [options.seed] if options.seed is not None else range(options.first, options.first + options.sequences)
    start, failed, needed, steps = time.monotonic(), [], set(), 0
    verdicts = []
    for seed in seeds:
        whole = generator.sequence(seed)
        if options.seed is not None:
            print("\n".join(map(str, whole)))
        result = sequence.run(whole, *peers, rules)
        steps += result.steps_done
        needed |= result.rules
        verdicts.append(f"{'FAIL' if result.differences else 'PASS'} differential: seed {seed}")
        if result.differences:
            report(seed, whole[:result.steps_done + 1], result, peers, rules, len(failed) < MINIMISED)
            failed.append(seed)
    if options.first == 1 and len(seeds) >= RULES_NEED:
        for rule in rules.all:
            if rule.name not in needed:
                verdicts.append(f"FAIL differential: {rule.name}")
                print(f"FAIL: the rule '{rule.name}' of differences.toml was not needed")
    if options.verdicts:
        options.verdicts.write_text("\n".join(verdicts) + "\n")
    failures = sum(verdict.startswith("FAIL") for verdict in verdicts)
    print(f"{steps} steps in {time.monotonic() - start:.0f} s")
    print(f"{len(verdicts) - failures} passed, {failures} failed")
    return 1 if failures else 0


def report(seed, steps, result, peers, rules, smaller):
    print(f"FAIL: seed {seed}")
    if smaller:
        kind = result.differences[0]
        latest = [result]

        def shows(fewer):
            found = sequence.run(fewer, *peers, rules, MINIMISING_AGREE_S)
            if found.differences and alike(found.differences[0], kind):
                latest[0] = found
                return True
            return False
        steps = minimise.minimise(steps, shows)
        result = latest[0]
    for step in steps:
        print(f"    {step}")
    for difference in result.differences:
        print(f"  {difference.where}\n    rabbitmq: {difference.rabbitmq}\n    escrow:   {difference.escrow}")
    sys.stdout.flush()


def alike(one, other):
    """Whether it is the same difference in another sequence: the same answers, but for what follows their names."""
    def kind(text):
        return text.partition("{")[0]
    return (kind(one.rabbitmq), kind(one.escrow)) == (kind(other.rabbitmq), kind(other.escrow))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
