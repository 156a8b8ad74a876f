#!/usr/bin/env python3
"""Tests of what run.py makes of reports and of the skip list: python3 tests/interop/run_test.py"""

import json
import pathlib
import socket
import tempfile
import threading
import unittest

import decisions
import docs
import outcomes
import stand_ins
import suites
from decisions import Decision, judge
from outcomes import FAILED, PASSED, SKIPPED, Outcome


def verdicts(found):
    return {outcome.name: outcome.verdict for outcome in found}


class Reports(unittest.TestCase):
    def read(self, reader, text):
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory, "report")
            path.write_text(text)
            return reader(path)

    def test_pytest_verdicts(self):
        found = self.read(outcomes.read_pytest, """<testsuites><testsuite>
            <testcase classname="t.a" name="good" time="0.5"/>
            <testcase classname="t.a" name="bad"><failure message="no"/></testcase>
            <testcase classname="t.a" name="broken"><error message="fixture"/></testcase>
            <testcase classname="t.a" name="left"><skipped type="pytest.skip" message="why"/></testcase>
            <testcase classname="t.a" name="known"><skipped type="pytest.xfail" message="issue"/></testcase>
            </testsuite></testsuites>""")
        self.assertEqual(verdicts(found), {"t.a::good": PASSED, "t.a::bad": FAILED, "t.a::broken": FAILED,
                                           "t.a::left": SKIPPED, "t.a::known": SKIPPED})

    def test_a_failing_teardown_fails_the_test(self):
        found = self.read(outcomes.read_pytest, """<testsuite>
            <testcase classname="t" name="x"/><testcase classname="t" name="x"><error message="e"/></testcase>
            </testsuite>""")
        self.assertEqual(verdicts(found), {"t::x": FAILED})

    def go(self, *events):
        lines = [json.dumps({"Action": action, "Test": name}) for action, name in events]
        return verdicts(self.read(outcomes.read_go, "\n".join(["PASS", *lines])))

    def test_go_counts_subtests_and_not_their_parent(self):
        self.assertEqual(
            self.go(("run", "A"), ("run", "A/x"), ("run", "A/y"), ("pass", "A/x"), ("fail", "A/y"), ("fail", "A"),
                    ("run", "B"), ("skip", "B")),
            {"A/x": PASSED, "A/y": FAILED, "B": SKIPPED})

    def test_a_go_parent_that_fails_alone_counts(self):
        self.assertEqual(self.go(("run", "A"), ("run", "A/x"), ("pass", "A/x"), ("fail", "A")),
                         {"A/x": PASSED, "A": FAILED})

    def test_a_go_test_that_was_cut_off_failed(self):
        self.assertEqual(self.go(("run", "A"), ("pass", "A"), ("run", "B")), {"A": PASSED, "B": FAILED})

    def node(self, *events):
        defaults = {"nesting": 0, "file": "/x/a.test.js"}
        return verdicts(self.read(outcomes.read_node, "\n".join(json.dumps(defaults | event) for event in events)))

    def test_node_names_have_file_suite_and_test(self):
        self.assertEqual(
            self.node({"type": "start", "name": "S"}, {"type": "start", "name": "x", "nesting": 1},
                      {"type": "pass", "name": "x", "nesting": 1}, {"type": "start", "name": "x", "nesting": 1},
                      {"type": "fail", "name": "x", "nesting": 1}, {"type": "fail", "name": "S", "suite": True}),
            {"a.test.js::S > x": PASSED, "a.test.js::S > x (2)": FAILED})

    def test_a_node_file_that_does_not_load_failed(self):
        self.assertEqual(self.node({"type": "fail", "name": "/x/a.test.js", "own_failure": True}),
                         {"a.test.js::loads": FAILED})

    def test_a_runner_that_dies_or_hangs_is_a_failure(self):
        good = [Outcome("x", PASSED)]
        self.assertEqual(verdicts(suites.ended(0, (0, 1), good)), {"x": PASSED})
        for code in (None, 1, 2, -9):
            self.assertEqual(verdicts(suites.ended(code, (0, 1), good))["(runner)"], FAILED, code)


class Decisions(unittest.TestCase):
    def judge(self, found, listed=(), broker="escrowd", **options):
        # Enough beside them that one skip is within its share.
        rest = [Outcome(f"other {number}", PASSED) for number in range(100)]
        return judge("s", broker, rest + found, [Decision("s", test, "r") for test in listed], **options)

    def test_a_listed_failure_or_skip_is_skipped(self):
        for verdict in (FAILED, SKIPPED):
            judged = self.judge([Outcome("x", verdict)], ["x"])
            self.assertEqual((judged.skipped, judged.failures), ([("x", "r")], []))

    def test_a_listed_test_that_passes_is_an_error(self):
        self.assertEqual(self.judge([Outcome("x", PASSED)], ["x"]).failures[0][0], "x")

    def test_an_unsteady_test_may_pass(self):
        decision = Decision("s", "x", "r", unsteady=True)
        for verdict in (PASSED, FAILED):
            found = [Outcome("x", verdict)] + [Outcome(f"other {number}", PASSED) for number in range(100)]
            judged = judge("s", "escrowd", found, [decision])
            self.assertEqual((judged.skipped, judged.failures), ([("x", "r")], []))

    def test_a_listed_test_that_does_not_exist_is_an_error(self):
        self.assertEqual(self.judge([], ["x"]).failures[0][0], "x")
        self.assertEqual(self.judge([], ["x"], whole=False).failures, [])

    def test_a_skip_without_a_decision_is_an_error(self):
        self.assertEqual(self.judge([Outcome("x", SKIPPED)]).failures[0][0], "x")

    def test_a_decision_for_another_broker_does_not_count(self):
        decision = Decision("s", "x", "r", broker="escrowd")
        self.assertTrue(judge("s", "rabbitmq", [Outcome("x", FAILED), Outcome("y", PASSED)], [decision]).failures)

    def test_more_than_the_share_is_an_error(self):
        def share_of_hundred(count):
            names = [f"x{number}" for number in range(count)]
            found = [Outcome(name, SKIPPED) for name in names]
            found += [Outcome(f"other {number}", PASSED) for number in range(100 - count)]
            return judge("s", "escrowd", found, [Decision("s", name, "r") for name in names])

        self.assertEqual(share_of_hundred(3).failures, [])
        self.assertEqual(len(share_of_hundred(4).failures), 1)

    def test_a_suite_without_a_passed_test_failed(self):
        self.assertTrue(judge("s", "escrowd", [], []).failures)
        self.assertTrue(judge("s", "escrowd", [Outcome("x", PASSED)], [], ["x"]).failures)

    def test_what_needs_no_broker_is_counted_apart(self):
        judged = self.judge([Outcome("unit::a", PASSED), Outcome("unit::b", FAILED)], brokerless=["unit::*"])
        self.assertEqual((judged.brokerless, [name for name, _ in judged.failures]), (["unit::a"], ["unit::b"]))

    def test_reasons_are_demanded(self):
        for reason in ("", "too short", "It is not implemented in this version."):
            with tempfile.TemporaryDirectory() as directory:
                path = pathlib.Path(directory, "skipped.toml")
                path.write_text(f'[[skip]]\nsuite = "s"\ntest = "x"\nreason = "{reason}"\n')
                self.assertRaises(ValueError, decisions.load, path)

    def test_groups_that_pass_as_a_whole_are_one_pattern(self):
        found = [Outcome("a::1", PASSED), Outcome("a::2", PASSED), Outcome("b::1", PASSED), Outcome("b::2", FAILED)]
        self.assertEqual(decisions.patterns_of_passed(found), ["a::*", "b::1"])


class StandIns(unittest.TestCase):
    def test_a_dropped_connection_is_closed_with_320_and_vanishes_for_the_broker(self):
        client, to_client = socket.socketpair()
        to_broker, broker = socket.socketpair()
        connection = stand_ins._Connection.__new__(stand_ins._Connection)
        connection._client, connection._broker = to_client, to_broker
        connection._to_client, connection._dropped, connection.client_name = threading.Lock(), False, ""
        connection.drop()
        self.assertEqual(client.recv(4096)[7:13], b"\x00\x0a\x00\x32\x01\x40")
        self.assertEqual(broker.recv(1), b"")
        for side in (client, to_client, to_broker, broker):
            side.close()

    def test_the_name_of_a_connection_is_found(self):
        frame = b"\x01\x00\x00....\x0fconnection_nameS\x00\x00\x00\x04testrest\xce"
        self.assertEqual(stand_ins._client_name(frame), "test")


    def test_another_product_is_named_in_the_start_frame(self):
        def start(product):
            table = b"\x07productS" + len(product).to_bytes(4, "big") + product + b"\x01xt\x01"
            payload = b"\x00\x0a\x00\x0a\x00\x09" + len(table).to_bytes(4, "big") + table + b"\x00\x00\x00\x05PLAIN"
            return b"\x01\x00\x00" + len(payload).to_bytes(4, "big") + payload + b"\xce"

        for product in (b"Escrow", b"RabbitMQ", b"Something long"):
            self.assertEqual(stand_ins._with_product(start(product)), start(b"RabbitMQ"))


class Files(unittest.TestCase):
    def test_lists_are_about_suites_that_exist(self):
        names = {suite.name for suite in suites.SUITES}
        self.assertLessEqual({decision.suite for decision in decisions.load()}, names)
        self.assertLessEqual(set(decisions.load_brokerless()), names)

    def test_the_documentation_is_current(self):
        self.assertTrue(docs.is_current(decisions.load()), "run tests/interop/run.py --write-docs")


if __name__ == "__main__":
    unittest.main()
