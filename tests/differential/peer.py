"""A server as one sequence of steps sees it: connections, what they were sent, and what is known of names and deliveries.

After each step synchronise() makes what is due arrive, without waiting for time to pass: channel.flow{active} is answered
by each channel behind everything it has said, a passive declare by each queue behind everything it has done.
"""

import re
import socket
import time

import codec
import comparison
import steps

# For an answer that must come.
ANSWER_TIMEOUT_S = 10
# The channel of a connection that no step uses: it also tells when channel 0 has been dealt with.
OWN_CHANNEL = 40
CHANNEL_MAX = 50
FRAME_MAX = 4096
CREDENTIALS = "\0guest\0guest"
CAPABILITIES = [("capabilities", "F", [
    (name, "t", True) for name in ("authentication_failure_close", "basic.nack", "connection.blocked",
                                   "consumer_cancel_notify", "exchange_exchange_bindings", "publisher_confirms")])]

# A queue of a connection that is about to be dropped.
CANARY = "differential.canary"
GONE = "404"
# A name was too much for the connection that asked.
UNKNOWN = "unknown"

# What servers choose, at random.
CHOSEN = re.compile(r"amq\.gen-[\w-]+|amq\.ctag-[\w-]+|amq\.rabbitmq\.reply-to\.[\w.+/=-]+")


class Silent(Exception):
    """An answer did not come in time, or the server ended a connection without a word."""


class Connection:
    def __init__(self, port):
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=ANSWER_TIMEOUT_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._unread = b""
        self.alive = True
        self.open_channels = set()
        # Of frames by channel, since they were taken last: (name, fields) and (name, fields, properties, body).
        self.said = {}
        # Answers to what synchronise() asked.
        self.flows = {}
        self.declared = []
        self._content = {}
        self._asked_flows = {}

    # --- plumbing

    def send(self, data):
        if not self.alive:
            return
        try:
            self._socket.sendall(data)
        except OSError:
            self._drain()

    def _drain(self):
        """The server has closed: what it said before that is still to be read."""
        while self.alive:
            self.read(time.monotonic() + ANSWER_TIMEOUT_S)

    def read(self, deadline):
        """Takes what comes next; the end of the connection is noted."""
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise Silent("no answer in time")
        self._socket.settimeout(remaining)
        try:
            data = self._socket.recv(1 << 16)
        except TimeoutError:
            raise Silent("no answer in time") from None
        except OSError:
            data = b""
        if not data:
            self.alive = False
            self._say(0, ("(end)", {}))
            return
        self._unread += data
        while self.alive and len(self._unread) >= 7:
            size = int.from_bytes(self._unread[3:7], "big")
            if len(self._unread) < size + 8:
                break
            kind, channel = self._unread[0], int.from_bytes(self._unread[1:3], "big")
            payload, self._unread = self._unread[7:7 + size], self._unread[8 + size:]
            self._frame(kind, channel, payload)

    def wait(self, holds, timeout_s=ANSWER_TIMEOUT_S):
        """Reads until it holds or the connection is closed; returns whether it does."""
        deadline = time.monotonic() + timeout_s
        while not holds():
            if not self.alive:
                return False
            self.read(deadline)
        return True

    def drop(self):
        self.alive = False
        self._socket.close()

    # --- frames

    def _frame(self, kind, channel, payload):
        if kind == codec.HEARTBEAT:
            return
        if kind == codec.METHOD:
            name, fields = codec.decode_method(payload)
            if name in codec.CARRY_CONTENT:
                self._content[channel] = [name, fields, None, b""]
            else:
                self._method(channel, name, fields)
            return
        pending = self._content[channel]
        if kind == codec.HEADER:
            pending[2] = codec.decode_header(payload)
        else:
            pending[3] += payload
        if len(pending[3]) >= pending[2][0]:
            del self._content[channel]
            self._say(channel, (pending[0], pending[1], pending[2][1], pending[3]))

    def _method(self, channel, name, fields):
        if name == "connection.close":
            self._say(0, (name, fields))
            self.send(codec.method(0, "connection.close-ok", {}))
            self.drop()
        elif name == "connection.close-ok":
            self._say(0, (name, fields))
            self.drop()
        elif name == "channel.flow-ok" and self._asked_flows.get(channel):
            self._asked_flows[channel] -= 1
        elif channel == OWN_CHANNEL:
            if name == "channel.close":
                self.send(codec.method(channel, "channel.close-ok", {}) + codec.method(channel, "channel.open", {}))
            self.declared.append((name, fields))
        else:
            if name == "channel.close":
                self.open_channels.discard(channel)
                self._asked_flows.pop(channel, None)
                self.send(codec.method(channel, "channel.close-ok", {}))
            elif name == "channel.close-ok":
                self.open_channels.discard(channel)
                self._asked_flows.pop(channel, None)
            elif name == "channel.open-ok":
                self.open_channels.add(channel)
            self._say(channel, (name, fields))

    def _say(self, channel, frame):
        self.said.setdefault(channel, []).append(frame)

    # --- what every run needs

    def call(self, channel, name, fields, answer):
        """For the handshake and the like, whose answer is no news."""
        self.send(codec.method(channel, name, fields))
        if answer:
            self.expect(channel, answer)

    def expect(self, channel, answer):
        def came():
            return any(frame[0] == answer for frame in self.said.get(channel, ()))
        if not self.wait(came):
            raise Silent(f"{answer} expected, got {self.said}")
        self.said.clear()

    def ask_flows(self):
        channels = [*self.open_channels, OWN_CHANNEL]
        for channel in channels:
            self._asked_flows[channel] = self._asked_flows.get(channel, 0) + 1
        self.send(b"".join(codec.method(channel, "channel.flow", {"active": True}) for channel in channels))

    def await_flows(self):
        self.wait(lambda: not any(self._asked_flows.values()))

    def declare_passively(self, queues):
        """What each queue holds, or the code of the error, or UNKNOWN."""
        out = []
        while len(out) < len(queues):
            self.declared.clear()
            asked = queues[len(out):]
            self.send(b"".join(codec.method(OWN_CHANNEL, "queue.declare", {"queue": queue, "passive": True})
                               for queue in asked))
            if not self.wait(lambda: self._answered(len(asked))):
                return out + [UNKNOWN] * len(asked)
            out += [str(fields["reply-code"]) if name == "channel.close" else
                    f"{fields['message-count']} ready, {fields['consumer-count']} consumers"
                    for name, fields in self.declared if name != "channel.open-ok"]
        return out

    def _answered(self, count):
        """An error closes the channel, and what was asked behind it is not answered before it is open again."""
        names = [name for name, _ in self.declared]
        return "channel.open-ok" in names or ("channel.close" not in names and len(names) == count)


def connect(port, client_properties=CAPABILITIES):
    connection = Connection(port)
    connection.send(codec.PROTOCOL_HEADER)
    connection.expect(0, "connection.start")
    connection.call(0, "connection.start-ok", {"client-properties": client_properties, "mechanism": "PLAIN",
                                               "response": CREDENTIALS, "locale": "en_US"}, "connection.tune")
    connection.call(0, "connection.tune-ok", {"channel-max": CHANNEL_MAX, "frame-max": FRAME_MAX, "heartbeat": 0}, None)
    connection.call(0, "connection.open", {"virtual-host": "/"}, "connection.open-ok")
    connection.call(OWN_CHANNEL, "channel.open", {}, None)
    connection.wait(lambda: connection.declared)
    return connection


class Peer:
    """One server, during one sequence. Between sequences only the control connection stays."""

    def __init__(self, name, port):
        self.name, self._port = name, port
        self._controlling = connect(port)
        self.connections = {}
        self._forget()

    def _forget(self):
        self._names = {}
        # Name to number of the connection that has it to itself, or None.
        self._queues = {}
        self._exchanges = set()
        # Bindings between exchanges, of which some never go.
        self._bindings = []
        self._depths_found = {}
        self._declares_exclusive = None
        # By (connection, channel): tags in the order both servers agree on, and those of them that are not settled.
        self.deliveries = {}
        self.unsettled = {}
        # Consumers that need not settle: (connection, channel, tag).
        self._no_ack = set()
        # By (connection, channel): how many messages were published in confirm mode, and which wait for a confirm.
        self._published = {}
        self._unconfirmed = {}

    @property
    def _control(self):
        """The connection that watches and cleans up; another one when a name was too much for it."""
        if not self._controlling.alive:
            self._controlling = connect(self._port)
        return self._controlling

    # --- steps

    def prepare(self, step):
        """What the step is sent on is open, unless opening it is what the step is about."""
        if isinstance(step, steps.Disconnect):
            return
        connection = self._connection(step.connection)
        place = step.connection, step.channel
        if step.channel in (0, *connection.open_channels):
            return
        self._forget_channel(place)
        if step.name != "channel.open":
            connection.call(step.channel, "channel.open", {}, "channel.open-ok")
            connection.open_channels.add(step.channel)

    def perform(self, step):
        if isinstance(step, steps.Disconnect):
            return self._disconnect(step.connection)
        self._note(step)
        connection = self.connections[step.connection]
        connection.send(step.frames(lambda fields: self.resolve(step, fields)))
        last = step.steps[-1] if isinstance(step, steps.Together) else step
        # Nothing may be asked of the channel meanwhile.
        if last.name == "channel.close":
            connection.wait(lambda: step.channel not in connection.open_channels)
        if last.name == "tx.commit":
            connection.wait(lambda: step.channel not in connection.open_channels or
                            any(frame[0] == "tx.commit-ok" for frame in connection.said.get(step.channel, ())))

    def _disconnect(self, number):
        """Over when the server has noticed: when a queue is gone that was the connection's own."""
        connection = self.connections.pop(number, None)
        if connection is None or not connection.alive:
            return
        connection.send(codec.method(OWN_CHANNEL, "queue.declare", {"queue": CANARY, "exclusive": True}))
        connection.wait(lambda: connection.declared)
        connection.drop()
        deadline = time.monotonic() + ANSWER_TIMEOUT_S
        while self._control.declare_passively([CANARY]) != [GONE]:
            if time.monotonic() > deadline:
                raise Silent("a connection that is gone was not noticed")

    def _connection(self, number):
        connection = self.connections.get(number)
        if connection is None or not connection.alive:
            connection = self.connections[number] = connect(self._port)
            known = {*self.deliveries, *self.unsettled, *self._published}
            for place in [place for place in known if place[0] == number]:
                self._forget_channel(place)
        return connection

    def _forget_channel(self, place):
        for known in (self.deliveries, self.unsettled, self._published, self._unconfirmed):
            known.pop(place, None)

    def _note(self, step):
        if isinstance(step, steps.Together):
            for part in step.steps:
                self._note(part)
            return
        place = step.connection, step.channel
        fields = self.resolve(step, step.fields)
        if step.name == "queue.declare" and not fields.get("passive") and fields.get("queue"):
            self._queues.setdefault(fields["queue"], step.connection if fields.get("exclusive") else None)
        elif step.name == "queue.declare" and not fields.get("queue"):
            self._declares_exclusive = step.connection if fields.get("exclusive") else None
        elif step.name == "exchange.declare" and fields.get("exchange"):
            self._exchanges.add(fields["exchange"])
        elif step.name == "exchange.bind":
            self._bindings.append({name: value for name, value in fields.items() if name != "no-wait"})
        elif step.name == "confirm.select":
            self._published.setdefault(place, 0)
            self._unconfirmed.setdefault(place, set())
        elif isinstance(step, steps.Publish) and place in self._published:
            self._published[place] += 1
            self._unconfirmed[place].add(self._published[place])
        elif step.name == "basic.consume" and fields.get("no-ack"):
            self._no_ack.add((*place, fields.get("consumer-tag", "")))

    def resolve(self, step, value):
        """With what placeholders stand for; the text of one that stands for nothing yet remains."""
        if isinstance(value, dict):
            return {name: self.resolve(step, item) for name, item in value.items()}
        if isinstance(value, list):
            return [self.resolve(step, item) for item in value]
        if isinstance(value, tuple):
            return tuple(self.resolve(step, item) for item in value)
        if isinstance(value, steps.Tag):
            tags = self.unsettled.get((step.connection, step.channel), [])
            return (tags[0] if value.which == "oldest" else tags[-1]) if tags else 1
        if isinstance(value, str) and value.startswith("<name "):
            return next((name for name, known in self._names.items() if known == value), value)
        return value

    def settles(self, step):
        """Which deliveries a step settles, by their place in the order both servers agree on; None: it settles none."""
        if step.name not in ("basic.ack", "basic.nack", "basic.reject"):
            return None
        place = step.connection, step.channel
        fields = self.resolve(step, step.fields)
        tag, order = fields["delivery-tag"], self.deliveries.get(place, [])
        unsettled = self.unsettled.get(place, [])
        if fields.get("multiple"):
            return [number for number, other in enumerate(order) if other in unsettled and (other <= tag or tag == 0)]
        return [number for number, other in enumerate(order) if other == tag]

    def settled(self, step, numbers):
        place = step.connection, step.channel
        gone = {self.deliveries[place][number] for number in numbers} if numbers else set()
        self.unsettled[place] = [tag for tag in self.unsettled.get(place, ()) if tag not in gone]

    # --- what came of them

    def synchronise(self):
        for connection in self.connections.values():
            connection.ask_flows()
        for connection in self.connections.values():
            connection.await_flows()
        self._depths_found = depths = self._depths()
        for connection in self.connections.values():
            connection.ask_flows()
        for connection in self.connections.values():
            connection.await_flows()
        return {self._named(name): depth for name, depth in depths.items()}

    def _depths(self):
        """By the connection that may ask for it."""
        askers = {}
        for name, owner in self._queues.items():
            asker = self.connections.get(owner)
            askers.setdefault(asker if asker and asker.alive else self._control, []).append(name)
        return {name: depth for asker, names in askers.items()
                for name, depth in zip(names, asker.declare_passively(names))}

    def await_confirms(self, step):
        """A confirm may wait for a disk, which no method waits for."""
        place = step.connection, step.channel
        connection = self.connections.get(step.connection)
        if connection is None or not self._unconfirmed.get(place):
            return
        connection.wait(lambda: step.channel not in connection.open_channels or
                        not self._one_by_one(place, connection.said.get(step.channel, ()))[1])

    def _one_by_one(self, place, frames):
        """Frames with a confirm for each tag, and the tags that still wait for one."""
        left, out = set(self._unconfirmed.get(place, ())), []
        for frame in frames:
            if frame[0] not in ("basic.ack", "basic.nack"):
                out.append(frame)
                continue
            last = frame[1]["delivery-tag"]
            tags = {tag for tag in left if tag <= last} if frame[1]["multiple"] else {last}
            out += [(frame[0], {"delivery-tag": tag}) for tag in sorted(tags)]
            left -= tags
        return out, left

    def said(self):
        """{(connection, channel): frames} since the last take(), with names that the server chose replaced."""
        return {(number, channel): [self._plain(frame) for frame in self._one_by_one((number, channel), frames)[0]]
                for number, connection in self.connections.items() for channel, frames in connection.said.items()}

    def take(self, step):
        """The step is over: what came of it becomes what is known."""
        for name, depth in self._depths_found.items():
            if depth == GONE:
                del self._queues[name]
        for number, connection in self.connections.items():
            for channel, frames in connection.said.items():
                place = number, channel
                if place in self._unconfirmed:
                    self._unconfirmed[place] = self._one_by_one(place, frames)[1]
                self._note_deliveries(step, place, frames)
            connection.said.clear()

    def _note_deliveries(self, step, place, frames):
        for name, fields, *_ in frames:
            if name == "basic.consume-ok" and step.fields.get("no-ack"):
                self._no_ack.add((*place, fields["consumer-tag"]))
        for consumer, tag in comparison.deliveries([self._plain(frame) for frame in frames]):
            self.deliveries.setdefault(place, []).append(tag)
            no_ack = step.fields.get("no-ack") if not consumer else self._settles_itself(place, consumer)
            if not no_ack:
                self.unsettled.setdefault(place, []).append(tag)

    def _settles_itself(self, place, consumer):
        real = next((name for name, known in self._names.items() if known == consumer), consumer)
        return (*place, real) in self._no_ack

    def open(self):
        return {(number, channel) for number, connection in self.connections.items() if connection.alive
                for channel in [0, *connection.open_channels]}

    def _plain(self, value):
        if isinstance(value, str):
            return CHOSEN.sub(lambda match: self._named(match[0]), value)
        if isinstance(value, dict):
            return {name: self._plain(item) for name, item in value.items()}
        if isinstance(value, (list, tuple)):
            return type(value)(self._plain(item) for item in value)
        return value

    def _named(self, name):
        if not CHOSEN.fullmatch(name):
            return name
        if name not in self._names:
            self._names[name] = f"<name {len(self._names) + 1}>"
            if name.startswith("amq.gen-"):
                self._queues[name] = self._declares_exclusive
        return self._names[name]

    def clean_up(self):
        """Nothing of this sequence is left for the next one."""
        for connection in self.connections.values():
            if connection.alive:
                connection.send(codec.method(0, "connection.close", {"reply-code": 200}))
                connection.wait(lambda: False)
        for binding in self._bindings:
            self._delete("exchange.unbind", binding)
        for name in self._queues:
            self._delete("queue.delete", {"queue": name})
        for name in self._exchanges:
            self._delete("exchange.delete", {"exchange": name})
        self.connections.clear()
        self._forget()

    def _delete(self, method, fields):
        """An error is the answer for what has a reserved name or belongs to nobody any more."""
        control = self._control
        control.declared.clear()
        control.send(codec.method(OWN_CHANNEL, method, fields))
        control.wait(lambda: any(said in (method + "-ok", "channel.open-ok") for said, _ in control.declared))
