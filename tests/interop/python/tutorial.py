"""What the six programs share: a connection from AMQP_URL, and receiving with an end."""

import os

import pika

PATIENCE_S = 20


def connect():
    return pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URL"]))


def receive(connection, done):
    """Serves callbacks until done() holds; fails when that takes too long."""

    def give_up():
        raise TimeoutError("what was expected did not come")

    timer = connection.call_later(PATIENCE_S, give_up)
    while not done():
        connection.process_data_events(time_limit=1)
    connection.remove_timeout(timer)


def expect(what, actual, expected):
    if actual != expected:
        raise AssertionError(f"{what}: got {actual!r}, expected {expected!r}")
