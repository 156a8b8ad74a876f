"""Publish/subscribe: a fanout exchange gives each of two subscribers a copy, and nobody what came before."""

from tutorial import connect, expect, receive

with connect() as connection:
    channel = connection.channel()
    channel.exchange_declare("logs", exchange_type="fanout")
    channel.basic_publish("logs", "", b"nobody hears this")

    heard = {}
    for _ in range(2):
        queue = channel.queue_declare("", exclusive=True).method.queue
        channel.queue_bind(queue, "logs")
        heard[queue] = []
        channel.basic_consume(
            queue, lambda _channel, _method, _properties, body, to=heard[queue]: to.append(body), auto_ack=True)
    expect("queues with names of their own", len(heard), 2)

    with connect() as producer:
        for number in range(3):
            producer.channel().basic_publish("logs", "ignored", b"info %d" % number)
    receive(connection, lambda: all(len(bodies) == 3 for bodies in heard.values()))
    for bodies in heard.values():
        expect("copies", sorted(bodies), [b"info 0", b"info 1", b"info 2"])
    channel.exchange_delete("logs")
