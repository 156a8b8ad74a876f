package main

import amqp "github.com/rabbitmq/amqp091-go"

// `*` is one word, `#` any number, and two matching bindings deliver once.
func topics() {
	published := []string{
		"quick.orange.rabbit", "lazy.orange.elephant", "quick.orange.fox", "lazy.brown.fox", "lazy.pink.rabbit",
		"quick.brown.fox", "orange", "quick.orange.new.rabbit", "lazy.orange.new.rabbit", "lazy",
	}
	subscribers := []struct {
		patterns, keys []string
		deliveries     <-chan amqp.Delivery
	}{
		{patterns: []string{"*.orange.*"}, keys: published[:3]},
		{patterns: []string{"*.*.rabbit", "lazy.#"}, keys: []string{
			"quick.orange.rabbit", "lazy.orange.elephant", "lazy.brown.fox", "lazy.pink.rabbit",
			"lazy.orange.new.rabbit", "lazy",
		}},
		{patterns: []string{"#"}, keys: published},
	}
	connection := connect()
	channel := open(connection)
	check(channel.ExchangeDeclare("topic_logs", "topic", false, false, false, false, nil))
	for i := range subscribers {
		queue := exclusiveQueue(channel)
		for _, pattern := range subscribers[i].patterns {
			check(channel.QueueBind(queue, pattern, "topic_logs", false, nil))
		}
		subscribers[i].deliveries = consume(channel, queue, true)
	}
	for _, key := range published {
		publish(channel, "topic_logs", key, "x")
	}
	for _, subscriber := range subscribers {
		expect("keys", keys(receive(subscriber.deliveries, len(subscriber.keys))), subscriber.keys)
	}
	check(channel.ExchangeDelete("topic_logs", false, false))
	check(connection.Close())
}
