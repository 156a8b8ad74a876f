"""Frames, methods, contents and field tables of AMQP 0-9-1 as bytes and as Python values, from one table of methods.

A method is (name, {field: value}); a field that is left out is zero or empty. A field table is a list of
(name, kind, value) with the kind as on the wire; kept so, what a server changes in a table is seen.
"""

import re
import struct

METHOD, HEADER, BODY, HEARTBEAT = 1, 2, 3, 8
FRAME_END = 0xCE
PROTOCOL_HEADER = b"AMQP\x00\x00\x09\x01"
BASIC_CLASS = 60

# Class and method, name, and fields with their type on the wire.
_METHODS = """
10.10 connection.start version-major:octet version-minor:octet server-properties:table mechanisms:long locales:long
10.11 connection.start-ok client-properties:table mechanism:short response:long locale:short
10.30 connection.tune channel-max:u16 frame-max:u32 heartbeat:u16
10.31 connection.tune-ok channel-max:u16 frame-max:u32 heartbeat:u16
10.40 connection.open virtual-host:short reserved-1:short reserved-2:bit
10.41 connection.open-ok reserved-1:short
10.50 connection.close reply-code:u16 reply-text:short class-id:u16 method-id:u16
10.51 connection.close-ok
10.60 connection.blocked reason:short
10.61 connection.unblocked
10.70 connection.update-secret new-secret:long reason:short
10.71 connection.update-secret-ok
20.10 channel.open reserved-1:short
20.11 channel.open-ok reserved-1:long
20.20 channel.flow active:bit
20.21 channel.flow-ok active:bit
20.40 channel.close reply-code:u16 reply-text:short class-id:u16 method-id:u16
20.41 channel.close-ok
30.10 access.request realm:short exclusive:bit passive:bit active:bit write:bit read:bit
30.11 access.request-ok reserved-1:u16
40.10 exchange.declare reserved-1:u16 exchange:short type:short passive:bit durable:bit auto-delete:bit internal:bit no-wait:bit arguments:table
40.11 exchange.declare-ok
40.20 exchange.delete reserved-1:u16 exchange:short if-unused:bit no-wait:bit
40.21 exchange.delete-ok
40.30 exchange.bind reserved-1:u16 destination:short source:short routing-key:short no-wait:bit arguments:table
40.31 exchange.bind-ok
40.40 exchange.unbind reserved-1:u16 destination:short source:short routing-key:short no-wait:bit arguments:table
40.51 exchange.unbind-ok
50.10 queue.declare reserved-1:u16 queue:short passive:bit durable:bit exclusive:bit auto-delete:bit no-wait:bit arguments:table
50.11 queue.declare-ok queue:short message-count:u32 consumer-count:u32
50.20 queue.bind reserved-1:u16 queue:short exchange:short routing-key:short no-wait:bit arguments:table
50.21 queue.bind-ok
50.30 queue.purge reserved-1:u16 queue:short no-wait:bit
50.31 queue.purge-ok message-count:u32
50.40 queue.delete reserved-1:u16 queue:short if-unused:bit if-empty:bit no-wait:bit
50.41 queue.delete-ok message-count:u32
50.50 queue.unbind reserved-1:u16 queue:short exchange:short routing-key:short arguments:table
50.51 queue.unbind-ok
60.10 basic.qos prefetch-size:u32 prefetch-count:u16 global:bit
60.11 basic.qos-ok
60.20 basic.consume reserved-1:u16 queue:short consumer-tag:short no-local:bit no-ack:bit exclusive:bit no-wait:bit arguments:table
60.21 basic.consume-ok consumer-tag:short
60.30 basic.cancel consumer-tag:short no-wait:bit
60.31 basic.cancel-ok consumer-tag:short
60.40 basic.publish reserved-1:u16 exchange:short routing-key:short mandatory:bit immediate:bit
60.50 basic.return reply-code:u16 reply-text:short exchange:short routing-key:short
60.60 basic.deliver consumer-tag:short delivery-tag:u64 redelivered:bit exchange:short routing-key:short
60.70 basic.get reserved-1:u16 queue:short no-ack:bit
60.71 basic.get-ok delivery-tag:u64 redelivered:bit exchange:short routing-key:short message-count:u32
60.72 basic.get-empty reserved-1:short
60.80 basic.ack delivery-tag:u64 multiple:bit
60.90 basic.reject delivery-tag:u64 requeue:bit
60.100 basic.recover-async requeue:bit
60.110 basic.recover requeue:bit
60.111 basic.recover-ok
60.120 basic.nack delivery-tag:u64 multiple:bit requeue:bit
85.10 confirm.select no-wait:bit
85.11 confirm.select-ok
90.10 tx.select
90.11 tx.select-ok
90.20 tx.commit
90.21 tx.commit-ok
90.30 tx.rollback
90.31 tx.rollback-ok
"""

# In the order of their flags, from bit 15 down.
PROPERTIES = (
    ("content-type", "short"), ("content-encoding", "short"), ("headers", "table"), ("delivery-mode", "octet"),
    ("priority", "octet"), ("correlation-id", "short"), ("reply-to", "short"), ("expiration", "short"),
    ("message-id", "short"), ("timestamp", "u64"), ("type", "short"), ("user-id", "short"), ("app-id", "short"),
    ("cluster-id", "short"))

CARRY_CONTENT = ("basic.publish", "basic.return", "basic.deliver", "basic.get-ok")

_NUMBERS = {"octet": ">B", "u16": ">H", "u32": ">I", "u64": ">Q"}
_TABLE_NUMBERS = {"b": ">b", "B": ">B", "s": ">h", "u": ">H", "I": ">i", "i": ">I", "l": ">q", "f": ">f", "d": ">d",
                  "T": ">Q"}


def _read_methods():
    ids, methods = {}, {}
    for line in _METHODS.strip().splitlines():
        number, name, *fields = line.split()
        ids[name] = tuple(map(int, number.split(".")))
        methods[ids[name]] = (name, [tuple(field.split(":")) for field in fields])
    return ids, methods


IDS, METHODS = _read_methods()


# --- encoding ---------------------------------------------------------------------------------------------


def frame(kind, channel, payload, end=FRAME_END):
    return struct.pack(">BHI", kind, channel, len(payload)) + payload + bytes([end])


def method_payload(name, fields):
    out = struct.pack(">HH", *IDS[name])
    bits = []
    for field, kind in METHODS[IDS[name]][1]:
        value = fields.get(field)
        if kind == "bit":
            bits.append(bool(value))
            continue
        out += _octet_of(bits) + _value(kind, value)
        bits = []
    return out + _octet_of(bits)


def method(channel, name, fields):
    return frame(METHOD, channel, method_payload(name, fields))


def header_payload(size, properties, class_id=BASIC_CLASS, weight=0):
    flags, out = 0, b""
    for number, (name, kind) in enumerate(PROPERTIES):
        if name in properties:
            flags |= 1 << (15 - number)
            out += _value(kind, properties[name])
    return struct.pack(">HHQH", class_id, weight, size, flags) + out


def content(channel, properties, parts):
    """A header, and a body frame for each part."""
    frames = [frame(HEADER, channel, header_payload(sum(map(len, parts)), properties))]
    return b"".join(frames + [frame(BODY, channel, part) for part in parts])


def table(entries):
    out = b"".join(_short(name) + _field(kind, value) for name, kind, value in entries)
    return struct.pack(">I", len(out)) + out


def _octet_of(bits):
    return bytes([sum(bit << number for number, bit in enumerate(bits))]) if bits else b""


def _value(kind, value):
    if kind in _NUMBERS:
        return struct.pack(_NUMBERS[kind], value or 0)
    if kind == "short":
        return _short(value or "")
    if kind == "long":
        return _long(value or "")
    return table(value or [])


def _bytes(text):
    # Latin 1 keeps every byte as it is.
    return text if isinstance(text, bytes) else text.encode("latin-1")


def _short(text):
    return bytes([len(text)]) + _bytes(text)


def _long(text):
    return struct.pack(">I", len(text)) + _bytes(text)


def _field(kind, value):
    if kind in _TABLE_NUMBERS:
        return kind.encode() + struct.pack(_TABLE_NUMBERS[kind], value)
    if kind in "Sx":
        return kind.encode() + _long(value)
    if kind == "t":
        return b"t" + bytes([value])
    if kind == "D":
        return b"D" + struct.pack(">Bi", *value)
    if kind == "F":
        return b"F" + table(value)
    if kind == "A":
        out = b"".join(_field(*item) for item in value)
        return b"A" + struct.pack(">I", len(out)) + out
    assert kind == "V", kind
    return b"V"


# --- decoding ---------------------------------------------------------------------------------------------


class Reader:
    def __init__(self, data):
        self._data, self._at = data, 0

    def done(self):
        return self._at == len(self._data)

    def take(self, count):
        out = self._data[self._at:self._at + count]
        if len(out) < count:
            raise ValueError("cut off")
        self._at += count
        return out

    def number(self, form):
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def short(self):
        return self.take(self.number(">B")).decode("latin-1")

    def long(self):
        return self.take(self.number(">I")).decode("latin-1")

    def table(self):
        inner, out = Reader(self.take(self.number(">I"))), []
        while not inner.done():
            out.append((inner.short(), *inner.field()))
        return out

    def field(self):
        kind = self.take(1).decode("latin-1")
        if kind in _TABLE_NUMBERS:
            return kind, self.number(_TABLE_NUMBERS[kind])
        if kind in "Sx":
            return kind, self.long()
        if kind == "t":
            return kind, self.number(">B") != 0
        if kind == "D":
            return kind, struct.unpack(">Bi", self.take(5))
        if kind == "F":
            return kind, self.table()
        if kind == "A":
            inner, out = Reader(self.take(self.number(">I"))), []
            while not inner.done():
                out.append(inner.field())
            return kind, out
        if kind != "V":
            raise ValueError(f"unknown kind of field {kind!r}")
        return kind, None

    def value(self, kind):
        if kind in _NUMBERS:
            return self.number(_NUMBERS[kind])
        return {"short": self.short, "long": self.long, "table": self.table}[kind]()


def decode_method(payload):
    reader = Reader(payload)
    name, declared = METHODS[reader.number(">H"), reader.number(">H")]
    fields, bits = {}, []
    for field, kind in declared:
        if kind != "bit":
            bits = []
            fields[field] = reader.value(kind)
            continue
        if not bits:
            octet = reader.number(">B")
            bits = [bool(octet >> number & 1) for number in range(8)]
        fields[field] = bits.pop(0)
    return name, fields


def decode_header(payload):
    """(size of the body, properties)."""
    reader = Reader(payload)
    reader.take(4)
    size, flags = reader.number(">Q"), reader.number(">H")
    return size, {name: reader.value(kind) for number, (name, kind) in enumerate(PROPERTIES)
                  if flags & 1 << (15 - number)}


# --- text -------------------------------------------------------------------------------------------------


def text(value):
    """Short, and free of what no terminal should see."""
    if isinstance(value, bytes):
        return text(value.decode("latin-1"))
    if isinstance(value, str):
        shown = re.sub(r"[^ -~]", lambda match: f"\\x{ord(match[0]):02x}", value)
        return "'" + (shown if len(shown) <= 200 else f"{shown[:60]}...{len(value)} bytes") + "'"
    if isinstance(value, dict):
        return "{" + " ".join(f"{name}={text(item)}" for name, item in value.items() if _shown(item)) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + " ".join(text(item) for item in value) + "]"
    return str(value)


def _shown(item):
    return item not in (0, "", [], None, False)
