package main

import amqp "github.com/rabbitmq/amqp091-go"

// A direct exchange, one subscriber for errors and one for everything.
func routing() {
	connection := connect()
	channel := open(connection)
	check(channel.ExchangeDeclare("direct_logs", "direct", false, false, false, false, nil))
	subscribe := func(severities ...string) <-chan amqp.Delivery {
		queue := exclusiveQueue(channel)
		for _, severity := range severities {
			check(channel.QueueBind(queue, severity, "direct_logs", false, nil))
		}
		return consume(channel, queue, true)
	}
	severities := []string{"info", "warning", "error"}
	errors, everything := subscribe("error"), subscribe(severities...)
	// "debug" comes before the error: had it a way to a subscriber, it would be there first.
	for _, severity := range []string{"debug", "info", "warning", "error"} {
		publish(channel, "direct_logs", severity, severity+" happened")
	}
	all := receive(everything, len(severities))
	expect("keys", keys(all), severities)
	expect("everything", bodies(all), []string{"info happened", "warning happened", "error happened"})
	expect("errors", bodies(receive(errors, 1)), []string{"error happened"})
	check(channel.ExchangeDelete("direct_logs", false, false))
	check(connection.Close())
}
