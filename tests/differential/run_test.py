#!/usr/bin/env python3
"""Tests of the generator, the comparison, the list and the minimiser: python3 tests/differential/run_test.py"""

import pathlib
import tempfile
import unittest

import codec
import comparison
import generator
import listed
import minimise
import steps
from comparison import Difference
from listed import Rule, Rules


class Codec(unittest.TestCase):
    def test_what_is_encoded_is_decoded(self):
        fields = {"queue": "q", "durable": True, "no-wait": True, "arguments": [list(e) for e in ()]}
        name, decoded = codec.decode_method(codec.method_payload("queue.declare", fields))
        self.assertEqual(name, "queue.declare")
        self.assertEqual({field: decoded[field] for field in fields}, fields)

    def test_every_kind_of_field_survives(self):
        table = [(f"h-{kind}", kind, value) for kind, value in generator.EVERY_KIND]
        properties = {"headers": table, "priority": 5, "timestamp": 7, "app-id": "a"}
        self.assertEqual(codec.decode_header(codec.header_payload(3, properties)), (3, properties))


class Sequences(unittest.TestCase):
    def test_a_seed_is_a_sequence(self):
        for seed in range(20):
            self.assertEqual(generator.sequence(seed), generator.sequence(seed))
        self.assertNotEqual(list(map(str, generator.sequence(1))), list(map(str, generator.sequence(2))))

    def test_every_kind_of_step_comes_up_in_a_full_run(self):
        names = {getattr(step, "what", step.name) for seed in range(1, 301) for step in generator.sequence(seed)}
        wanted = {"basic.publish", "basic.get", "basic.consume", "basic.cancel", "basic.qos", "basic.ack", "basic.nack",
                  "basic.reject", "basic.recover", "tx.select", "tx.commit", "tx.rollback", "confirm.select",
                  "exchange.declare", "exchange.delete", "exchange.bind", "exchange.unbind", "queue.declare",
                  "queue.bind", "queue.unbind", "queue.purge", "queue.delete", "channel.close", "disconnect"}
        self.assertLessEqual(wanted, names)
        self.assertGreater(len(names & {what for what, _ in generator.malformed(1)}), 30)

    def test_every_step_can_be_sent(self):
        for seed in range(50):
            for step in generator.sequence(seed):
                if not isinstance(step, steps.Disconnect):
                    plain = lambda fields: {name: 1 if isinstance(value, steps.Tag) else value
                                            for name, value in fields.items()}
                    self.assertEqual(type(step.frames(plain)), bytes, step)


def deliver(consumer, tag, key="k"):
    return ("basic.deliver", {"consumer-tag": consumer, "delivery-tag": tag, "routing-key": key}, {}, b"m")


class Comparison(unittest.TestCase):
    def differences(self, ours, theirs, depths=({}, {})):
        return comparison.compare(({(1, 1): ours}, depths[0]), ({(1, 1): theirs}, depths[1]))

    def test_equal_answers_do_not_differ(self):
        frames = [("queue.declare-ok", {"queue": "q"}), deliver("c", 1)]
        self.assertEqual(self.differences(frames, list(frames), ({"q": "1"}, {"q": "1"})), [])

    def test_every_planted_fault_is_seen(self):
        """Whatever one server says otherwise: a frame changed in any field, lost, added, doubled, or out of its order."""
        frames = [("queue.declare-ok", {"queue": "q", "message-count": 2}), deliver("c", 1), deliver("c", 2, "l"),
                  ("basic.get-ok", {"delivery-tag": 3, "redelivered": True, "routing-key": "k"}, {"priority": 1}, b"m"),
                  ("basic.ack", {"delivery-tag": 1}), ("basic.nack", {"delivery-tag": 2}),
                  ("channel.close", {"reply-code": 404, "reply-text": "NOT_FOUND - no queue 'q'"})]
        faulty = [frames[:n] + frames[n + 1:] for n in range(len(frames))]
        faulty += [frames[:n] + [frames[n]] + frames[n:] for n in range(len(frames))]
        faulty.append([frames[0], frames[2], frames[1], *frames[3:]])
        for n, (name, fields, *content) in enumerate(frames):
            for field, value in fields.items():
                other = {**fields, field: value + 1 if isinstance(value, int) else value + "x"}
                faulty.append(frames[:n] + [(name, other, *content)] + frames[n + 1:])
            for part, value in enumerate(content):
                other = {**value, "type": "t"} if isinstance(value, dict) else value + b"x"
                faulty.append(frames[:n] + [(name, fields, *content[:part], other, *content[part + 1:])] + frames[n + 1:])
        for wrong in faulty:
            self.assertTrue(self.differences(frames, wrong), wrong)
            self.assertTrue(self.differences(wrong, frames), wrong)

    def test_a_frame_on_another_channel_differs(self):
        frames = [("basic.qos-ok", {})]
        self.assertTrue(comparison.compare(({(1, 1): frames}, {}), ({(1, 2): frames}, {})))

    def test_a_queue_with_other_messages_differs(self):
        self.assertEqual(self.differences([], [], ({"q": "1 ready"}, {"q": "2 ready"})),
                         [Difference("queue q", "1 ready", "2 ready")])
        self.assertTrue(self.differences([], [], ({"q": "1 ready"}, {})))

    def test_what_amqp_leaves_open_does_not_differ(self):
        self.assertEqual(self.differences([deliver("c", 1), deliver("d", 2)], [deliver("d", 1), deliver("c", 2)]), [])
        confirm, ok = ("basic.ack", {"delivery-tag": 1}), ("basic.qos-ok", {})
        self.assertEqual(self.differences([confirm, ok], [ok, confirm]), [])


class List(unittest.TestCase):
    STEP = "1.1 queue.declare{queue='q'}"

    def left(self, rule, rabbitmq, escrow, step=STEP):
        return Rules([rule]).unlisted(step, [Difference("1.1 frames", rabbitmq, escrow)])

    def test_a_rule_is_about_the_whole_of_both_texts_and_the_step(self):
        rule = Rule("n", "r", rabbitmq="a.", escrow="b.", step="queue.declare")
        self.assertEqual(self.left(rule, "a1", "b2"), ([], {"n"}))
        for rabbitmq, escrow, step in (("a12", "b2", self.STEP), ("a1", "xb2", self.STEP), ("a1", "b2", "1.1 tx.select{}")):
            left, used = self.left(rule, rabbitmq, escrow, step)
            self.assertEqual((len(left), used), (1, set()))

    def test_groups_of_one_name_have_to_be_equal(self):
        rule = Rule("n", "r", rabbitmq="(?P<x>.)a", escrow="(?P<x>.)b")
        self.assertEqual(self.left(rule, "1a", "1b")[0], [])
        self.assertEqual(len(self.left(rule, "1a", "2b")[0]), 1)

    def test_what_is_ignored_is_all_that_may_differ(self):
        rule = Rule("n", "r", ignored=r" count=\d+")
        self.assertEqual(self.left(rule, "a", "a count=5")[0], [])
        self.assertEqual(len(self.left(rule, "a", "b count=5")[0]), 1)

    def test_reasons_are_demanded(self):
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory, "list.toml")
            path.write_text('[[difference]]\nname = "n"\nreason = "short"\nrabbitmq = "a"\nescrow = "b"\n')
            self.assertRaises(ValueError, listed.load, path)

    def test_the_list_is_sound(self):
        listed.load()


class Minimiser(unittest.TestCase):
    def test_finds_the_steps_that_are_needed(self):
        for needed in ({3}, {0, 9}, {2, 5, 7}, set(range(10))):
            self.assertEqual(set(minimise.minimise(range(10), lambda fewer: needed <= set(fewer))), needed)

    def test_asks_no_more_often_than_it_may(self):
        asked = []
        minimise.minimise(range(100), lambda fewer: asked.append(fewer), tries=7)
        self.assertEqual(len(asked), 7)


if __name__ == "__main__":
    unittest.main()
