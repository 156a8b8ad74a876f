"""RPC: a server of Fibonacci numbers, and a client that tells its answers apart by correlation id.

The client waits on a queue of its own, as the tutorial does, and then on amq.rabbitmq.reply-to.
"""

import threading
import uuid

import pika
from tutorial import connect, expect, receive

QUEUE = "rpc_queue"
DIRECT_REPLY = "amq.rabbitmq.reply-to"


def fibonacci(n):
    a, b = 0, 1
    for _ in range(n):
        a, b = b, a + b
    return a


def serve(ready, calls):
    with connect() as connection:
        channel = connection.channel()
        channel.queue_declare(QUEUE)
        channel.basic_qos(prefetch_count=1)
        answered = []

        def answer(channel, method, properties, body):
            channel.basic_publish("", properties.reply_to, b"%d" % fibonacci(int(body)),
                                  pika.BasicProperties(correlation_id=properties.correlation_id))
            channel.basic_ack(method.delivery_tag)
            answered.append(body)

        channel.basic_consume(QUEUE, answer)
        ready.set()
        receive(connection, lambda: len(answered) == calls)
        channel.queue_delete(QUEUE)


def call(connection, channel, reply_to, answers, n):
    correlation_id = str(uuid.uuid4())
    channel.basic_publish("", QUEUE, b"%d" % n, pika.BasicProperties(reply_to=reply_to, correlation_id=correlation_id))
    receive(connection, lambda: correlation_id in answers)
    return int(answers[correlation_id])


ready = threading.Event()
server = threading.Thread(target=serve, args=(ready, 5), daemon=True)
server.start()
assert ready.wait(20)
with connect() as connection:
    channel = connection.channel()
    answers = {}

    def remember(_channel, _method, properties, body):
        answers[properties.correlation_id] = body

    queue = channel.queue_declare("", exclusive=True).method.queue
    channel.basic_consume(queue, remember, auto_ack=True)
    expect("answers", [call(connection, channel, queue, answers, n) for n in (0, 1, 30)], [0, 1, 832040])

    channel.basic_consume(DIRECT_REPLY, remember, auto_ack=True)
    expect("direct answers", [call(connection, channel, DIRECT_REPLY, answers, n) for n in (10, 20)], [55, 6765])
server.join(20)
expect("the server ended", server.is_alive(), False)
