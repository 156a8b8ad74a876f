package main

import (
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Durable tasks, fair dispatch, and a worker that dies with a task in its hands.
func workQueues() {
	const queue = "task_queue"
	producer := connect()
	sending := open(producer)
	must(sending.QueueDeclare(queue, true, false, false, false, nil))
	check(sending.Confirm(false))
	var tasks []string
	for number := 0; number < 6; number++ {
		task := fmt.Sprintf("task %d", number)
		tasks = append(tasks, task)
		publishing := amqp.Publishing{DeliveryMode: amqp.Persistent, Body: []byte(task)}
		confirmation := must(sending.PublishWithDeferredConfirm("", queue, false, false, publishing))
		expect("confirmed", confirmation.Wait(), true)
	}
	check(producer.Close())

	// Takes one task, and with a prefetch of one no other, and goes without a word.
	dying := connect()
	unsettled := open(dying)
	check(unsettled.Qos(1, 0, false))
	expect("first task", bodies(receive(consume(unsettled, queue, false), 1)), tasks[:1])

	living := connect()
	channel := open(living)
	check(channel.Qos(1, 0, false))
	deliveries := consume(channel, queue, false)
	for _, task := range tasks[1:] {
		delivery := receive(deliveries, 1)[0]
		expect("task of the one that lives", string(delivery.Body), task)
		check(delivery.Ack(false))
	}
	check(dying.Close())
	last := receive(deliveries, 1)[0]
	expect("task of the one that died", string(last.Body), tasks[0])
	expect("redelivered", last.Redelivered, true)
	check(last.Ack(false))
	must(channel.QueueDelete(queue, false, false, false))
	check(living.Close())
}
