"""What two servers said about one step, made comparable where AMQP leaves the answer open, and compared.

Left open, and so not compared:
- the order between channels, and on a channel between confirms, deliveries of different consumers, their cancellation
  by the server, and the rest;
- what a connection is given while it is being closed;
- how confirms are gathered: the tags confirmed count, not `multiple`;
- which of the deliveries that a step brings for several consumers of a channel gets which delivery tag.
"""

import dataclasses

import codec

NOTHING = "(nothing)"


@dataclasses.dataclass(frozen=True)
class Difference:
    """What the one said and what the other said, at the same place of their answers."""
    where: str
    rabbitmq: str
    escrow: str


def lines(frames):
    """{what is in order among itself: [text of a frame]}."""
    out = {}
    for name, fields, *content in frames:
        if name in ("basic.ack", "basic.nack"):
            out.setdefault("confirms", []).append(f"{name} {fields['delivery-tag']}")
            continue
        if "delivery-tag" in fields:
            out.setdefault("delivery tags", []).append(str(fields["delivery-tag"]))
            fields = {field: value for field, value in fields.items() if field != "delivery-tag"}
        part = "frames"
        if name in ("basic.deliver", "basic.cancel"):
            part = f"consumer {fields['consumer-tag']}"
        out.setdefault(part, []).append(frame_text(name, fields, content))
    for part in ("confirms", "delivery tags"):
        if part in out:
            out[part].sort()
    return out


def frame_text(name, fields, content=()):
    return name + codec.text(fields) + "".join(" " + codec.text(part) for part in content)


def frames_text(said):
    return "; ".join(f"{place[0]}.{place[1]} {frame_text(frame[0], frame[1], frame[2:])}"
                     for place, frames in said.items() for frame in frames) or NOTHING


def ends(said, place):
    return any(name == "connection.close" for name, *_ in said.get((place[0], 0), ()))


def compare(rabbitmq, escrow):
    """Differences between two answers: each is {place: frames} and {queue: depth}."""
    (said, depths), (other_said, other_depths) = rabbitmq, escrow
    out = []
    ended = {place[0] for place in said if ends(said, place) and ends(other_said, place)}
    for place in sorted(said.keys() | other_said.keys()):
        ours, theirs = (lines([frame for frame in side.get(place, ())
                               if place[0] not in ended or frame[0] != "basic.deliver"]) for side in (said, other_said))
        for part in sorted(ours.keys() | theirs.keys()):
            out += differing(f"{place[0]}.{place[1]} {part}", ours.get(part, []), theirs.get(part, []))
    for queue in sorted(depths.keys() | other_depths.keys()):
        out += differing(f"queue {queue}", *([side[queue]] if queue in side else [] for side in (depths, other_depths)))
    return out


def differing(where, rabbitmq, escrow):
    count = max(len(rabbitmq), len(escrow))
    pairs = zip(*(side + [NOTHING] * (count - len(side)) for side in (rabbitmq, escrow)))
    return [Difference(where, *pair) for pair in pairs if pair[0] != pair[1]]


def deliveries(frames):
    """(consumer, delivery tag) in the order both servers agree on: by consumer, then as they came."""
    found = [(fields.get("consumer-tag", ""), number, fields["delivery-tag"])
             for number, (name, fields, *_) in enumerate(frames) if name in ("basic.deliver", "basic.get-ok")]
    return [(consumer, tag) for consumer, _, tag in sorted(found)]
