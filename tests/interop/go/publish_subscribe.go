package main

import (
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// A fanout exchange gives each of two subscribers a copy, and nobody what came before.
func publishSubscribe() {
	connection := connect()
	channel := open(connection)
	check(channel.ExchangeDeclare("logs", "fanout", false, false, false, false, nil))
	publish(channel, "logs", "", "nobody hears this")

	var subscribers []<-chan amqp.Delivery
	for i := 0; i < 2; i++ {
		queue := exclusiveQueue(channel)
		check(channel.QueueBind(queue, "", "logs", false, nil))
		subscribers = append(subscribers, consume(channel, queue, true))
	}
	var infos []string
	for number := 0; number < 3; number++ {
		infos = append(infos, fmt.Sprintf("info %d", number))
		publish(channel, "logs", "ignored", infos[number])
	}
	for _, deliveries := range subscribers {
		expect("copies", bodies(receive(deliveries, 3)), infos)
	}
	check(channel.ExchangeDelete("logs", false, false))
	check(connection.Close())
}
