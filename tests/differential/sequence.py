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
    if any(silent):
        result.differences = [comparison.Difference("silence", *silent)]
    else:
        result.differences, used = agree(both, lambda found: rules.unlisted(step, found), agree_s)
        result.rules |= used
    if result.differences:
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


def answer(peer):
    """What it says when everything due has come, and what its queues hold."""
    depths = peer.synchronise()
    return peer.said(), depths


def agree(both, unlisted, timeout_s):
    """Differences that stay however often the servers are asked and that no rule allows, and the rules that were needed."""
    deadline = time.monotonic() + timeout_s
    before = None
    while True:
        answers = []
        silent = [of_one(peer, lambda: answers.append(answer(peer))) for peer in both]
        if any(silent):
            return [comparison.Difference("silence", *silent)], set()
        differences = comparison.compare(*answers)
        left, used = unlisted(differences)
        # What is listed must not be what has only not come yet.
        if not left and (not differences or differences == before) or time.monotonic() > deadline:
            return left, used
        before = differences
