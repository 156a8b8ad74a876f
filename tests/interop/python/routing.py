"""Routing: a direct exchange, one subscriber for errors and one for everything."""

from tutorial import connect, expect, receive

SEVERITIES = ("info", "warning", "error")

with connect() as connection:
    channel = connection.channel()
    channel.exchange_declare("direct_logs", exchange_type="direct")

    def subscribe(*severities):
        queue = channel.queue_declare("", exclusive=True).method.queue
        for severity in severities:
            channel.queue_bind(queue, "direct_logs", severity)
        heard = []
        channel.basic_consume(
            queue, lambda _channel, method, _properties, body: heard.append((method.routing_key, body)), auto_ack=True)
        return heard

    errors, everything = subscribe("error"), subscribe(*SEVERITIES)
    for severity in (*SEVERITIES, "debug"):
        channel.basic_publish("direct_logs", severity, severity.encode() + b" happened")
    receive(connection, lambda: len(everything) == 3 and errors)
    expect("errors", errors, [("error", b"error happened")])
    expect("everything", everything, [(severity, severity.encode() + b" happened") for severity in SEVERITIES])
    channel.exchange_delete("direct_logs")
