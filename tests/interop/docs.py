"""The parts of docs/interop.md that follow from the files of this directory."""

import json
import re

from brokers import ROOT
from environments import HERE
from suites import SUITES

PATH = ROOT / "docs/interop.md"


def rendered(decisions):
    """{name of a part: its text}."""
    return {"versions": _versions(), "skipped": _skipped(decisions)}


def replaced(text, parts):
    for name, part in parts.items():
        begin, end = f"<!-- {name}: written by tests/interop/run.py --write-docs -->", f"<!-- end of {name} -->"
        if begin not in text or end not in text:
            raise ValueError(f"{PATH}: the place for {name} is missing")
        head, rest = text.split(begin)
        text = head + begin + "\n" + part + end + rest.split(end)[1]
    return text


def write(decisions):
    PATH.write_text(replaced(PATH.read_text(), rendered(decisions)))


def is_current(decisions):
    text = PATH.read_text()
    return text == replaced(text, rendered(decisions))


def _versions():
    python = dict(re.findall(r"^(\S+?)(?:\[.*\])?==(\S+)", (HERE / "python/requirements.txt").read_text(), re.M))
    node = json.loads((HERE / "node/package.json").read_text())["dependencies"]
    go = re.search(r"amqp091-go v(\S+)", (HERE / "go/go.mod").read_text())[1]
    java = re.search(r"<artifactId>amqp-client</artifactId>\s*<version>(.+?)<", (HERE / "java/pom.xml").read_text())[1]
    versions = {
        "kombu": python["kombu"], "py-amqp": python["amqp"], "celery": python["celery"],
        "celery-rpc": python["celery"], "amqp091-go": go, "amqplib": node["amqplib"], "tutorials-python": python["pika"], "docs-python": python["pika"], "tutorials-node": node["amqplib"],
        "tutorials-go": go, "tutorials-java": java, "tutorials-c": "Debian 12's",
    }
    lines = ["| suite | client | version | quick part |", "|---|---|---|---|"]
    for suite in SUITES:
        quick = "no" if not suite.quick else "whole" if suite.quick_is_whole else "most"
        lines.append(f"| `{suite.name}` | {suite.client} | {versions[suite.name]} | {quick} |")
    return "\n".join(lines) + "\n"


def _skipped(decisions):
    ours = [decision for decision in decisions if decision.broker != "rabbitmq"]
    lines = ["| suite | test | why |", "|---|---|---|"]
    lines += [f"| `{d.suite}` | `{d.test}` | {' '.join(d.reason.split())} |" for d in ours]
    return "\n".join(lines) + "\n"
