"""The list of differences that stay, each with its reason: differences.toml."""

import dataclasses
import pathlib
import re
import tomllib

PATH = pathlib.Path(__file__).parent / "differences.toml"
REASON_LENGTH_MIN = 20


@dataclasses.dataclass(frozen=True)
class Rule:
    """Regular expressions for the whole of what each server says at the same place, in which a group of one name must be
    the same text; or `ignored`, which taken out of both makes them equal. `step` has to be found in the step."""
    name: str
    reason: str
    rabbitmq: str = ""
    escrow: str = ""
    ignored: str = ""
    step: str = ""

    def allows(self, step, difference):
        if self.step and not re.search(self.step, str(step)):
            return False
        if self.ignored:
            return re.sub(self.ignored, "", difference.rabbitmq) == re.sub(self.ignored, "", difference.escrow)
        theirs = re.fullmatch(self.rabbitmq, difference.rabbitmq, re.DOTALL)
        ours = re.fullmatch(self.escrow, difference.escrow, re.DOTALL)
        if not theirs or not ours:
            return False
        shared = theirs.groupdict().keys() & ours.groupdict().keys()
        return all(theirs[group] == ours[group] for group in shared)


class Rules:
    def __init__(self, rules):
        self.all = rules

    def unlisted(self, step, differences):
        """The differences that no rule allows, and the names of the rules that were needed."""
        left, used = [], set()
        for difference in differences:
            rule = next((rule for rule in self.all if rule.allows(step, difference)), None)
            if rule is None:
                left.append(difference)
            else:
                used.add(rule.name)
        return left, used


def load(path=PATH):
    with open(path, "rb") as file:
        rules = [Rule(**entry) for entry in tomllib.load(file).get("difference", [])]
    for rule in rules:
        if len(rule.reason) < REASON_LENGTH_MIN:
            raise ValueError(f"{path}: no reason that counts: {rule.name}")
    if len({rule.name for rule in rules}) != len(rules):
        raise ValueError(f"{path}: two rules have the same name")
    return Rules(rules)
