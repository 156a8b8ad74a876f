"""Sequences of steps from a seed: the same seed, the same sequence.

Most steps are what clients do, with few names, so that they meet; some are what no client should do.
"""

import dataclasses
import random
import struct

import codec
import peer
from steps import Disconnect, Method, Publish, Raw, Tag, Together

LENGTH = (12, 32)
EXCHANGE_KINDS = ("direct", "fanout", "topic", "headers")
KEYS = ("a", "b", "a.b", "a.b.c", "x.y", "", "*", "a.*", "*.b", "#", "a.#", "#.c", "a..b")
TAGS = (0, 1, 1, 2, 3, 7, Tag("oldest"), Tag("oldest"), Tag("oldest"), Tag("newest"), Tag("newest"), Tag("newest"))
# A theme makes its kinds of steps more frequent, and so lets them meet.
THEMES = {
    "topology": {"declare_exchange": 5, "declare_queue": 5, "bind": 8, "unbind": 3, "delete": 4, "bind_exchange": 4},
    "routing": {"bind": 8, "bind_exchange": 4, "publish": 14, "get": 2},
    "consumers": {"consume": 8, "publish": 10, "settle": 6, "cancel": 3, "qos": 3},
    "gets": {"publish": 8, "get": 10, "settle": 6, "recover": 2, "purge": 1},
    "confirms": {"confirm": 5, "publish": 14, "consume": 2},
    "transactions": {"transaction": 10, "publish": 10, "settle": 4, "get": 4},
    "properties": {"publish": 12, "get": 6, "odd_publish": 6, "consume": 1},
    "arguments": {"odd_arguments": 10, "declare_queue": 3, "redeclare": 6, "publish": 4, "get": 2},
    "lifecycle": {"channel": 6, "connection": 3, "consume": 4, "publish": 5, "get": 3, "exclusive": 4},
    "errors": {"odd_names": 8, "malformed": 6, "unexpected": 4},
    "everything": {},
    "pipelines": {"together": 14, "consume": 3},
}
# What may be sent together: whose answers are in one order, and whose deliveries need no settlement.
PIPELINED = ("declare_exchange", "declare_queue", "bind", "publish", "publish", "publish", "odd_publish", "get", "get",
             "purge", "delete", "qos", "confirm", "channel")
USUAL = {"declare_exchange": 2, "declare_queue": 3, "bind": 3, "unbind": 1, "bind_exchange": 1, "delete": 1, "publish": 6,
         "odd_publish": 1, "get": 3, "consume": 2, "cancel": 1, "qos": 1, "settle": 3, "recover": 1, "purge": 1,
         "confirm": 0.5, "transaction": 0.5, "channel": 0.5, "connection": 0.2, "exclusive": 0.5, "redeclare": 1,
         "odd_arguments": 0.7, "odd_names": 0.7, "malformed": 0.3, "unexpected": 0.2, "together": 1.5}


def sequence(seed):
    return Generator(seed).sequence()


class Generator:
    def __init__(self, seed):
        self._random = random.Random(seed)
        self._prefix = f"d{seed}."
        self._exchanges = [self._prefix + f"{kind}{number}" for kind in EXCHANGE_KINDS for number in (1, 2)]
        self._queues = [self._prefix + f"q{number}" for number in range(1, 5)]
        self._bodies = 0
        # Names that were declared, which steps use rather than others.
        self._made = set()

    def sequence(self):
        theme = self._pick(sorted(THEMES))
        weights = USUAL | {name: USUAL[name] + more for name, more in THEMES[theme].items()}
        first = (self.declare_queue,) * 2 + (self.declare_exchange,) * 2 + (self.bind, self.bind, self.bind_exchange)
        steps = [step for make in first for step in make()]
        for _ in range(self._random.randint(*LENGTH)):
            name = self._random.choices(list(weights), list(weights.values()))[0]
            steps += getattr(self, name)()
        return steps

    # --- choices

    def _pick(self, choices):
        return self._random.choice(list(choices))

    def _chance(self, probability):
        return self._random.random() < probability

    def _place(self):
        connection = self._random.choices((1, 2), (4, 1))[0]
        return connection, self._random.choices((1, 2, 3), (6, 2, 1))[0]

    def _method(self, name, fields):
        return [Method(*self._place(), name, fields)]

    def _queue(self):
        """A name to use; empty is the last one declared on the channel."""
        return self._random.choices((self._known(self._queues), "", "<name 1>"), (18, 1, 1))[0]

    def _known(self, names):
        made = [name for name in names if name in self._made]
        return self._pick(made if made and self._chance(0.85) else names)

    def _exchange(self):
        own, servers = self._known(self._exchanges), self._pick(("amq.direct", "amq.topic", "amq.fanout", "amq.match"))
        return self._random.choices((own, servers, ""), (12, 2, 1))[0]

    def _no_wait(self):
        return {"no-wait": True} if self._chance(0.1) else {}

    # --- topology

    def declare_exchange(self):
        name = self._pick(self._exchanges)
        self._made.add(name)
        kind = next(kind for kind in EXCHANGE_KINDS if name.startswith(self._prefix + kind))
        return self._method("exchange.declare", {
            "exchange": name, "type": kind, "passive": self._chance(0.1), "durable": self._chance(0.5),
            "auto-delete": self._chance(0.1), "internal": self._chance(0.08),
            "arguments": [("alternate-exchange", "S", self._exchange())] if self._chance(0.12) else []} | self._no_wait())

    def declare_queue(self):
        name = self._random.choices((self._pick(self._queues), ""), (10, 1))[0]
        # A name that is never told could not be cleaned up.
        waits = {} if not name else self._no_wait()
        self._made.add(name)
        return self._method("queue.declare", {
            "queue": name, "passive": self._chance(0.1),
            "durable": self._chance(0.5), "exclusive": self._chance(0.06), "auto-delete": self._chance(0.08),
            "arguments": self._queue_arguments() if self._chance(0.15) else []} | waits)

    def _queue_arguments(self):
        return self._random.sample([
            ("x-max-length", "I", self._random.randint(0, 4)), ("x-max-length-bytes", "I", self._random.randint(1, 40)),
            ("x-overflow", "S", self._pick(("drop-head", "reject-publish"))),
            ("x-max-priority", "b", self._random.randint(1, 5)), ("x-single-active-consumer", "t", self._chance(0.7)),
            ("x-expires", "I", 3_600_000), ("x-queue-mode", "S", "lazy"), ("x-custom", "S", "y")],
            self._random.randint(1, 2))

    def redeclare(self):
        """Of something that may exist, with one thing changed."""
        if self._chance(0.5):
            return self._method("queue.declare", {
                "queue": self._pick(self._queues), "durable": self._chance(0.5), "exclusive": self._chance(0.2),
                "auto-delete": self._chance(0.2), "arguments": self._queue_arguments() if self._chance(0.5) else []})
        return self._method("exchange.declare", {
            "exchange": self._exchange(), "type": self._pick((*EXCHANGE_KINDS, "no-such-type", "")),
            "durable": self._chance(0.5), "auto-delete": self._chance(0.2), "internal": self._chance(0.2),
            "arguments": [("alternate-exchange", "S", "x")] if self._chance(0.2) else []})

    def _binding(self):
        headers = self._chance(0.4)
        return {"routing-key": self._pick(KEYS), "arguments": self._headers_binding() if headers else []}

    def _headers_binding(self):
        out = [("x-match", "S", self._pick(("all", "any", "all-with-x", "any-with-x")))] if self._chance(0.8) else []
        out += [(self._pick(("k1", "k2", "x-k3")), *self._value()) for _ in range(self._random.randint(0, 2))]
        return [entry for number, entry in enumerate(out) if entry[0] not in [name for name, *_ in out[:number]]]

    def _value(self):
        return self._pick((("S", "v1"), ("S", "v2"), ("I", 1), ("l", 1), ("b", 1), ("t", True), ("V", None), ("d", 1.0)))

    def bind(self):
        return self._method("queue.bind", {"queue": self._queue(), "exchange": self._exchange()} | self._binding()
                            | self._no_wait())

    def unbind(self):
        if self._chance(0.3):
            return self._method("exchange.unbind", {"destination": self._exchange(), "source": self._exchange()}
                                | self._binding())
        return self._method("queue.unbind", {"queue": self._queue(), "exchange": self._exchange()} | self._binding())

    def bind_exchange(self):
        return self._method("exchange.bind", {"destination": self._exchange(), "source": self._exchange()}
                            | self._binding() | self._no_wait())

    def delete(self):
        if self._chance(0.5):
            return self._method("queue.delete", {"queue": self._queue(), "if-unused": self._chance(0.3),
                                                 "if-empty": self._chance(0.3)} | self._no_wait())
        return self._method("exchange.delete", {"exchange": self._exchange(), "if-unused": self._chance(0.3)}
                            | self._no_wait())

    def purge(self):
        return self._method("queue.purge", {"queue": self._queue()} | self._no_wait())

    def exclusive(self):
        """A queue of one connection, and another one that wants it."""
        name = self._pick(self._queues)
        first, second = self._random.sample((1, 2), 2)
        ask = self._pick(("queue.declare", "queue.delete", "queue.purge", "queue.bind", "basic.get", "basic.consume"))
        return [Method(first, 1, "queue.declare", {"queue": name, "exclusive": True, "durable": self._chance(0.3)}),
                Method(second, 1, ask, {"queue": name} | ({"exchange": "amq.direct"} if ask == "queue.bind" else {}))]

    # --- messages

    def _body(self):
        self._bodies += 1
        return f"m{self._bodies}".encode()

    def _target(self):
        """Exchange and routing key, often straight to a queue."""
        if self._chance(0.5):
            return {"exchange": "", "routing-key": self._queue()}
        return {"exchange": self._exchange(), "routing-key": self._pick(KEYS)}

    def publish(self):
        body = self._body()
        parts = self._random.choices(((body,), (), (body, b"tail"), (body, b"", b"x" * 3000)), (12, 1, 1, 1))[0]
        properties = {"delivery-mode": self._pick((1, 2))} if self._chance(0.3) else {}
        if self._chance(0.15):
            properties["headers"] = [("k1", *self._value()), ("x-k3", *self._value())]
        if self._chance(0.1):
            properties["priority"] = self._random.randint(0, 9)
        return [Publish(*self._place(), self._target() | {"mandatory": self._chance(0.15)}, properties, parts)]

    def odd_publish(self):
        properties = dict(self._random.sample([
            ("content-type", "text/plain"), ("content-encoding", "gzip"), ("delivery-mode", self._pick((0, 1, 2, 3, 255))),
            ("priority", self._pick((0, 5, 255))), ("correlation-id", "c"), ("reply-to", "amq.rabbitmq.reply-to"),
            ("reply-to", "elsewhere"), ("message-id", "m"), ("timestamp", self._pick((0, 1_700_000_000, 2**64 - 1))),
            ("type", "t"), ("app-id", "a"), ("cluster-id", "c"), ("user-id", self._pick(("guest", "guest", "somebody"))),
            ("expiration", self._pick(("86400000", "86400000", "", "x", "-1", "1.5", "99999999999999999999", " 1"))),
            ("headers", self._odd_headers())], self._random.randint(1, 4)))
        return [Publish(*self._place(), self._target() | {"mandatory": self._chance(0.2),
                                                          "immediate": self._chance(0.03)}, properties, (self._body(),))]

    def _odd_headers(self):
        copies = [self._queue() for _ in range(self._random.randint(0, 2))]
        return self._pick((
            [(f"h-{kind}", kind, value) for kind, value in EVERY_KIND],
            [("CC", "A", [("S", name) for name in copies])], [("BCC", "A", [("S", name) for name in copies])],
            [("CC", "A", [("S", self._queue())]), ("BCC", "A", [("S", self._queue())])],
            [("CC", "S", "no array")], [("BCC", "I", 5)], [("CC", "A", [("I", 5)])], [],
            [("same", "I", 1), ("same", "I", 2)]))

    def get(self):
        return self._method("basic.get", {"queue": self._queue(), "no-ack": self._chance(0.4)})

    def consume(self):
        priority = [("x-priority", *self._pick((("I", 5), ("I", -3), ("b", 1), ("S", "high"))))]
        if self._chance(0.06):
            return self._method("basic.consume", {"queue": "amq.rabbitmq.reply-to", "no-ack": self._chance(0.8)})
        return self._method("basic.consume", {
            "queue": self._queue(), "consumer-tag": self._pick(("", "c1", "c2", "c3")), "no-ack": self._chance(0.3),
            "no-local": self._chance(0.05), "exclusive": self._chance(0.1),
            "arguments": priority if self._chance(0.1) else []} | self._no_wait())

    def cancel(self):
        return self._method("basic.cancel", {"consumer-tag": self._pick(("c1", "c2", "c3", "unknown"))} | self._no_wait())

    def qos(self):
        return self._method("basic.qos", {"prefetch-count": self._pick((0, 1, 2, 3)), "global": self._chance(0.3),
                                          "prefetch-size": 10 if self._chance(0.03) else 0})

    def settle(self):
        kind = self._pick(("ack", "ack", "nack", "reject"))
        tag = {"delivery-tag": self._pick(TAGS)}
        if kind == "ack":
            return self._method("basic.ack", tag | {"multiple": self._chance(0.3)})
        if kind == "reject":
            return self._method("basic.reject", tag | {"requeue": self._chance(0.6)})
        return self._method("basic.nack", tag | {"multiple": self._chance(0.4), "requeue": self._chance(0.6)})

    def recover(self):
        return self._method(self._pick(("basic.recover", "basic.recover-async")), {"requeue": self._chance(0.9)})

    def confirm(self):
        return self._method("confirm.select", self._no_wait())

    def transaction(self):
        return self._method(self._pick(("tx.select", "tx.select", "tx.commit", "tx.commit", "tx.rollback")), {})

    def together(self):
        connection, channel = self._place()
        parts = []
        for _ in range(self._random.randint(2, 5)):
            for step in getattr(self, self._pick(PIPELINED))():
                fields = step.fields | ({"no-ack": True} if step.name == "basic.get" else {})
                if not pipelines(step, fields):
                    continue
                parts.append(dataclasses.replace(step, connection=connection, channel=channel, fields=fields))
                if step.name == "channel.close":
                    return [Together(connection, channel, tuple(parts))]
        return [Together(connection, channel, tuple(parts))] if parts else []

    # --- channels and connections

    def channel(self):
        return self._pick((
            lambda: self._method("channel.close", {"reply-code": 200}), lambda: self._method("channel.open", {}),
            lambda: self._method("channel.flow", {"active": self._chance(0.9)}),
            lambda: self._method("access.request", {"realm": "/data", "active": True})))()

    def connection(self):
        number = self._pick((1, 2))
        return self._pick((
            [Disconnect(number)], [Method(number, 0, "connection.close", {"reply-code": 200})],
            [Method(number, 0, "connection.update-secret", {"new-secret": "guest", "reason": "r"})]))

    # --- what no client should do

    def odd_names(self):
        reserved = self._pick(("amq.x", "amq.gen-x", "amq.direct", "", "escrow-not-reserved", self._prefix + "\u00e9\u00fc",
                               self._prefix + "l" * 200, "line\nbreak", "amq.rabbitmq.reply-to.x", "no-such"))
        name = self._pick(("queue.declare", "queue.delete", "queue.bind", "queue.purge", "exchange.declare",
                           "exchange.delete", "exchange.bind", "exchange.unbind", "basic.get", "basic.consume"))
        if name == "exchange.declare":
            return self._method(name, {"exchange": reserved, "type": "direct", "passive": self._chance(0.3)})
        if name == "exchange.delete":
            return self._method(name, {"exchange": reserved})
        if name.startswith("exchange."):
            source, destination = self._random.sample((reserved, self._exchange()), 2)
            return self._method(name, {"source": source, "destination": destination})
        if name == "queue.bind":
            return self._method(name, {"queue": self._queue(), "exchange": reserved})
        return self._method(name, {"queue": reserved} | (
            {"passive": self._chance(0.3)} if name == "queue.declare" else {}))

    def odd_arguments(self):
        odd = self._pick((
            ("x-max-length", "I", -1), ("x-max-length", "S", "5"), ("x-max-length", "l", 5), ("x-max-length", "d", 5.0),
            ("x-max-length-bytes", "I", -5), ("x-overflow", "S", "nonsense"), ("x-overflow", "I", 1),
            ("x-max-priority", "I", 256), ("x-max-priority", "I", -1), ("x-max-priority", "I", 0),
            ("x-max-priority", "S", "5"), ("x-expires", "I", 0), ("x-expires", "I", -1), ("x-expires", "S", "10"),
            ("x-expires", "l", 2**40), ("x-single-active-consumer", "S", "true"), ("x-queue-mode", "S", "nonsense"),
            ("x-queue-mode", "I", 1), ("x-queue-type", "S", "nonsense"), ("x-queue-type", "I", 1),
            ("x-queue-version", "I", 3), ("x-queue-version", "I", 1), ("x-unknown", "F", [("a", "I", 1)]),
            ("x-unknown", "A", [("I", 1), ("S", "s")]), ("x-queue-master-locator", "S", "nonsense"),
            ("x-max-length", "s", 3), ("x-max-length", "B", 3), ("x-max-length", "V", None)))
        if self._chance(0.15):
            arguments = [self._pick((("alternate-exchange", "I", 1), ("alternate-exchange", "S", "bad\nname"),
                                     ("x-unknown", "S", "s"), ("hash-header", "S", "h")))]
            return self._method("exchange.declare", {"exchange": self._pick(self._exchanges), "type": "fanout",
                                                     "arguments": arguments})
        if self._chance(0.15):
            arguments = [self._pick((("x-match", "S", "none"), ("x-match", "I", 1), ("x-match", "S", "all")))]
            return self._method("queue.bind", {"queue": self._pick(self._queues), "exchange": "amq.match",
                                               "arguments": arguments})
        if self._chance(0.1):
            arguments = [self._pick((("x-priority", "S", "1"), ("x-priority", "l", 2**40), ("x-priority", "V", None),
                                     ("x-unknown", "I", 1), ("x-cancel-on-ha-failover", "t", True)))]
            return self._method("basic.consume", {"queue": self._pick(self._queues), "arguments": arguments})
        return self._method("queue.declare", {"queue": self._pick(self._queues), "arguments": [odd]})

    def unexpected(self):
        """Methods that only a server sends, or that belong to another state."""
        connection, channel = self._place()
        return [self._pick((
            Method(connection, channel, "basic.deliver", {"consumer-tag": "c1", "delivery-tag": 1}),
            Method(connection, channel, "queue.declare-ok", {"queue": "q"}),
            Method(connection, channel, "basic.cancel-ok", {"consumer-tag": "c1"}),
            Method(connection, channel, "channel.open-ok", {}), Method(connection, channel, "tx.select-ok", {}),
            Method(connection, channel, "channel.close-ok", {}), Method(connection, channel, "channel.flow-ok", {}),
            Method(connection, channel, "confirm.select-ok", {}), Method(connection, channel, "basic.get-empty", {}),
            Method(connection, 0, "connection.tune-ok", {"channel-max": 1, "frame-max": 4096}),
            Method(connection, 0, "connection.open", {"virtual-host": "/"}),
            Method(connection, 0, "connection.start-ok", {"mechanism": "PLAIN"}),
            Method(connection, 0, "connection.open-ok", {}), Method(connection, 0, "connection.blocked", {}),
            Method(connection, channel, "connection.open", {"virtual-host": "/"}),
            Method(connection, channel, "connection.close", {"reply-code": 200}),
            Method(connection, channel, "channel.open", {}),
            Method(connection, peer.CHANNEL_MAX, "channel.open", {}),
            Method(connection, peer.CHANNEL_MAX + 1, "channel.open", {})))]

    def malformed(self):
        connection, channel = self._place()
        what, data = self._pick(malformed(channel))
        return [Raw(connection, channel, what, data)]


def pipelines(step, fields):
    """Not what RabbitMQ looks at before it has dealt with what is before it, nor what the two are known to see otherwise."""
    if step.name == "channel.open" or fields.get("queue", step.name) == "" or fields.get("immediate"):
        return False
    # What a server chooses is not known before its answer.
    chosen = step.name == "queue.declare" and not fields.get("queue")
    return not chosen and not (isinstance(step, Publish) and step.properties.get("delivery-mode") in (0, 3, 255))


EVERY_KIND = (
    ("t", True), ("b", -5), ("B", 200), ("s", -500), ("u", 60000), ("I", -70000), ("i", 4_000_000_000), ("l", -(2**40)),
    ("f", 1.5), ("d", 2.25), ("D", (2, 314)), ("S", "text"), ("x", "bytes\x00\xff"), ("T", 1_700_000_000), ("V", None),
    ("F", [("inner", "F", [("deep", "I", 1)])]), ("A", [("I", 1), ("S", "two"), ("A", []), ("F", [])]))


def malformed(channel):
    """(what is wrong, frames). Frames are whole, so that what follows them is still in place."""
    def method(name, fields=None):
        return codec.method(channel, name, fields or {})

    def frame(kind, payload, on=channel, end=codec.FRAME_END):
        return codec.frame(kind, on, payload, end)

    def raw_method(class_id, method_id, payload=b"", on=channel):
        return frame(codec.METHOD, struct.pack(">HH", class_id, method_id) + payload, on)

    publish = method("basic.publish", {"routing-key": "nowhere"})
    header = codec.header_payload
    return (
        ("unknown class", raw_method(99, 10)), ("unknown method", raw_method(60, 99)),
        ("unknown method on channel 0", raw_method(10, 99, on=0)), ("unknown class on channel 0", raw_method(99, 1, on=0)),
        ("method cut off", raw_method(50, 10, b"\x00\x00\x05ab")),
        ("method with a rest", raw_method(60, 80, b"\x00" * 20)),
        ("method without its fields", raw_method(60, 40)),
        ("method frame without method", frame(codec.METHOD, b"\x00")),
        ("table cut off", raw_method(50, 10, b"\x00\x00\x01q\x00" + b"\x00\x00\x00\x20\x01aS")),
        ("table with an unknown kind", raw_method(50, 10, b"\x00\x00\x01q\x00" + b"\x00\x00\x00\x04\x01aZ\x00")),
        ("method of class connection", raw_method(10, 50, b"\x00\xc8\x00\x00\x00\x00\x00")),
        ("channel method on channel 0", codec.method(0, "queue.declare", {"queue": "q"})),
        ("channel open on channel 0", codec.method(0, "channel.open", {})),
        ("header without method", frame(codec.HEADER, header(0, {}))),
        ("body without method", frame(codec.BODY, b"body")),
        ("header on channel 0", frame(codec.HEADER, header(0, {}), 0)),
        ("body on channel 0", frame(codec.BODY, b"body", 0)),
        ("method instead of a header", publish + method("basic.get", {"queue": "q"})),
        ("publish instead of a header", publish + publish),
        ("body instead of a header", publish + frame(codec.BODY, b"body")),
        ("header twice", publish + frame(codec.HEADER, header(4, {})) + frame(codec.HEADER, header(4, {}))),
        ("method instead of a body", publish + frame(codec.HEADER, header(4, {})) + method("basic.get", {"queue": "q"})),
        ("body too long", publish + frame(codec.HEADER, header(4, {})) + frame(codec.BODY, b"too long")),
        ("body after an empty one", publish + frame(codec.HEADER, header(0, {})) + frame(codec.BODY, b"x")),
        ("empty body of an empty one", publish + frame(codec.HEADER, header(0, {})) + frame(codec.BODY, b"")),
        ("header of another class", publish + frame(codec.HEADER, header(0, {}, class_id=50))),
        ("header of an unknown class", publish + frame(codec.HEADER, header(0, {}, class_id=999))),
        ("header with a weight", publish + frame(codec.HEADER, header(0, {}, weight=7))),
        ("header cut off", publish + frame(codec.HEADER, header(0, {})[:9])),
        ("properties cut off", publish + frame(codec.HEADER, header(0, {"content-type": "text/plain"})[:-3])),
        ("properties with a rest", publish + frame(codec.HEADER, header(0, {}) + b"rest")),
        ("properties with unknown flags", publish + frame(codec.HEADER, header(0, {})[:-2] + b"\x00\x02")),
        ("properties with continued flags", publish + frame(codec.HEADER, header(0, {})[:-2] + b"\x00\x01\x00\x00")),
        ("headers cut off", publish + frame(codec.HEADER, header(0, {})[:-2] + b"\x20\x00\x00\x00\x00\x09\x01a")),
        ("message larger than all", publish + frame(codec.HEADER, header(2**40, {}))),
        ("frame of type 4", frame(4, b"")), ("frame of type 0", frame(0, b"abc")),
        ("frame of type 4 on channel 0", frame(4, b"", 0)), ("heartbeat with a payload", frame(codec.HEARTBEAT, b"x", 0)),
        ("heartbeat on a channel", frame(codec.HEARTBEAT, b"")),
        ("bad end", frame(codec.METHOD, codec.method_payload("tx.select", {}), end=0)),
        ("bad end on channel 0", frame(codec.HEARTBEAT, b"", 0, end=65)),
        ("frame too large", publish + frame(codec.HEADER, header(5000, {})) + frame(codec.BODY, b"x" * 5000)),
        ("frame as large as can be", publish + frame(codec.HEADER, header(4088, {})) + frame(codec.BODY, b"x" * 4088)),
        ("frame slightly too large", publish + frame(codec.HEADER, header(4096, {})) + frame(codec.BODY, b"x" * 4096)),
        ("frame one larger than that", publish + frame(codec.HEADER, header(4097, {})) + frame(codec.BODY, b"x" * 4097)),
        ("method on a channel beyond the maximum", codec.method(peer.CHANNEL_MAX + 1, "tx.select", {})),
        ("method on a channel that is not open", codec.method(17, "tx.select", {})),
        ("header on a channel that is not open", codec.frame(codec.HEADER, 17, header(0, {}))),
        ("close-ok on a channel that is not open", codec.method(17, "channel.close-ok", {})),
        ("close on a channel that is not open", codec.method(17, "channel.close", {"reply-code": 200})),
        ("protocol header in the middle", codec.PROTOCOL_HEADER),
    )
