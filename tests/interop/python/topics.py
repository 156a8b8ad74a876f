"""Topics: `*` is one word, `#` any number, and two matching bindings deliver once."""

from tutorial import connect, expect, receive

KEYS = ["quick.orange.rabbit", "lazy.orange.elephant", "quick.orange.fox", "lazy.brown.fox", "lazy.pink.rabbit",
        "quick.brown.fox", "orange", "quick.orange.new.rabbit", "lazy.orange.new.rabbit", "lazy"]
EXPECTED = {
    ("*.orange.*",): ["quick.orange.rabbit", "lazy.orange.elephant", "quick.orange.fox"],
    ("*.*.rabbit", "lazy.#"): ["quick.orange.rabbit", "lazy.orange.elephant", "lazy.brown.fox", "lazy.pink.rabbit",
                               "lazy.orange.new.rabbit", "lazy"],
    ("#",): KEYS,
}

with connect() as connection:
    channel = connection.channel()
    channel.exchange_declare("topic_logs", exchange_type="topic")
    heard = {}
    for patterns in EXPECTED:
        queue = channel.queue_declare("", exclusive=True).method.queue
        for pattern in patterns:
            channel.queue_bind(queue, "topic_logs", pattern)
        heard[patterns] = []
        channel.basic_consume(
            queue, lambda _channel, method, _properties, _body, to=heard[patterns]: to.append(method.routing_key),
            auto_ack=True)
    for key in KEYS:
        channel.basic_publish("topic_logs", key, b"x")
    receive(connection, lambda: all(len(heard[patterns]) >= len(EXPECTED[patterns]) for patterns in EXPECTED))
    expect("keys", heard, EXPECTED)
    channel.exchange_delete("topic_logs")
