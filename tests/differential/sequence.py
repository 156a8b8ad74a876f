"""One sequence on two servers in lockstep, until they differ."""

import dataclasses
import time

import comparison
import peer as peers

# For two answers to become equal: a server may be late with what no method waits for.
AGREE_TIMEOUT_S = 2


@dataclasses.dataclass
class Result:
    """Why a sequence ended before its last step, if it did."""
    steps_done: int = 0
    differences: list = dataclasses.field(default_factory=list)
    # Rules of the list that were needed.
    rules: set = dataclasses.field(default_factory=set)


def run(sequence, rabbitmq, escrow, rules, agree_s=AGREE_TIMEOUT_S):
    """`rules.unlisted(step, differences)` says which differences no rule allows, and which rules were needed."""
    result = Result()
    both = rabbitmq, escrow
    try:
        for step in sequence:
            if not perform(step, both, rules, agree_s, result):
                break
            result.steps_done += 1
    finally:
        for peer in both:
            peer.clean_up()
    return result


def perform(step, both, rules, agree_s, result):
    """False: the sequence ends with this step."""
    silent = [of_one(peer, lambda: peer.prepare(step)) for peer in both]
    settled = [peer.settles(step) for peer in both]
    if settled[0] != settled[1]:
        # Tags were assigned in an order that is open, and `multiple` would mean different messages.
        return True
    if not any(silent):
        silent = [of_one(peer, lambda: (peer.perform(step), peer.await_confirms(step))) for peer in both]
    differences = [comparison.Difference("silence", *silent)] if any(silent) else agree(both, agree_s)
    result.differences, used = rules.unlisted(step, differences)
    result.rules |= used
    if result.differences or any(silent):
        return False
    for peer, numbers in zip(both, settled):
        peer.settled(step, numbers)
        peer.take(step)
    return both[0].open() == both[1].open()


def of_one(peer, act):
    """What is wrong with a server that does not answer; empty when it does."""
    try:
        act()
        return ""
    except peers.Silent as silent:
        return f"{silent}; it said {comparison.frames_text(peer.said())}"


def agree(both, timeout_s):
    """Differences that stay however often the servers are asked."""
    deadline = time.monotonic() + timeout_s
    while True:
        answers = []
        for peer in both:
            depths = peer.synchronise()
            answers.append((peer.said(), depths))
        differences = comparison.compare(*answers)
        if not differences or time.monotonic() > deadline:
            return differences
