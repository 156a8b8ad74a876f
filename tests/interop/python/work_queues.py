"""Work queues: durable tasks, fair dispatch, and a worker that dies with a task in its hands."""

import pika
from tutorial import connect, expect, receive

QUEUE = "task_queue"
TASKS = [b"task %d" % number for number in range(6)]


def work(connection, handle):
    channel = connection.channel()
    channel.basic_qos(prefetch_count=1)
    channel.basic_consume(QUEUE, handle)
    return channel


with connect() as producer:
    channel = producer.channel()
    channel.queue_declare(QUEUE, durable=True)
    for task in TASKS:
        channel.basic_publish("", QUEUE, task, pika.BasicProperties(delivery_mode=pika.DeliveryMode.Persistent))

# Takes one task, and with a prefetch of one no other, and goes without a word.
dying = connect()
taken = []
work(dying, lambda _channel, _method, _properties, body: taken.append(body))
receive(dying, lambda: taken)
expect("first task", taken, TASKS[:1])

with connect() as living:
    done, redelivered = [], []

    def handle(channel, method, _properties, body):
        done.append(body)
        if method.redelivered:
            redelivered.append(body)
        channel.basic_ack(method.delivery_tag)

    channel = work(living, handle)
    receive(living, lambda: len(done) == len(TASKS) - 1)
    expect("tasks of the one that lives", done, TASKS[1:])
    dying.close()
    receive(living, lambda: len(done) == len(TASKS))
    expect("task of the one that died", done[-1:], TASKS[:1])
    expect("redelivered", redelivered, TASKS[:1])
    channel.queue_delete(QUEUE)
