"""Hello world: one producer, one queue, one consumer."""

from tutorial import connect, expect, receive

with connect() as producer:
    channel = producer.channel()
    channel.queue_declare("hello")
    channel.basic_publish(exchange="", routing_key="hello", body=b"Hello World!")

with connect() as consumer:
    channel = consumer.channel()
    channel.queue_declare("hello")
    bodies = []
    channel.basic_consume("hello", lambda _channel, _method, _properties, body: bodies.append(body), auto_ack=True)
    receive(consumer, lambda: bodies)
    expect("bodies", bodies, [b"Hello World!"])
    expect("left over", channel.queue_delete("hello").method.message_count, 0)
