"""What a sequence is made of: steps, each of which sends frames on one channel of one connection.

Steps name things that only a run knows by placeholders:
  <name 1>     the first name a server chose in this sequence: of a queue, a consumer tag, or direct reply-to
  Tag("oldest"), Tag("newest")   of the deliveries of the channel that are not settled
"""

import dataclasses

import codec


@dataclasses.dataclass(frozen=True)
class Tag:
    which: str

    def __str__(self):
        return f"<{self.which}>"


@dataclasses.dataclass(frozen=True)
class Method:
    connection: int
    channel: int
    name: str
    fields: dict

    def frames(self, resolve):
        return codec.method(self.channel, self.name, resolve(self.fields))

    def __str__(self):
        return f"{self.connection}.{self.channel} {self.name}{codec.text(self.fields)}"


@dataclasses.dataclass(frozen=True)
class Publish:
    connection: int
    channel: int
    fields: dict
    properties: dict
    # One body frame each.
    parts: tuple

    name = "basic.publish"

    def frames(self, resolve):
        return codec.method(self.channel, self.name, resolve(self.fields)) + codec.content(
            self.channel, resolve(self.properties), self.parts)

    def __str__(self):
        properties = " ".join(f"{name}={codec.text(value)}" for name, value in self.properties.items())
        return (f"{self.connection}.{self.channel} basic.publish{codec.text(self.fields)} "
                f"{{{properties}}} {codec.text(self.parts)}")


@dataclasses.dataclass(frozen=True)
class Raw:
    """Whole frames that no client should send. `what` says what is wrong with them."""
    connection: int
    channel: int
    what: str
    data: bytes

    name = "raw"
    fields = {}

    def frames(self, _):
        return self.data

    def __str__(self):
        return f"{self.connection}.{self.channel} raw {self.what} {self.data[:80].hex()}"


@dataclasses.dataclass(frozen=True)
class Together:
    """Steps of one channel whose frames are sent in one piece. Whatever it gets, it need not settle."""
    connection: int
    channel: int
    steps: tuple

    name = "together"
    fields = {"no-ack": True}

    def frames(self, resolve):
        return b"".join(step.frames(resolve) for step in self.steps)

    def __str__(self):
        return f"{self.connection}.{self.channel} together: " + " + ".join(map(str, self.steps))


@dataclasses.dataclass(frozen=True)
class Disconnect:
    """The client is gone without a word."""
    connection: int
    channel: int = 0

    name = "disconnect"
    fields = {}

    def __str__(self):
        return f"{self.connection} disconnect"
