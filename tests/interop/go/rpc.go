package main

import (
	"strconv"

	amqp "github.com/rabbitmq/amqp091-go"
)

const (
	rpcQueue    = "rpc_queue"
	directReply = "amq.rabbitmq.reply-to"
)

// A server of Fibonacci numbers, and a client that tells its answers apart by correlation id. The client waits on a
// queue of its own, as the tutorial does, and then on amq.rabbitmq.reply-to.
func rpc() {
	serving, calling := connect(), connect()
	server := open(serving)
	must(server.QueueDeclare(rpcQueue, false, false, false, false, nil))
	check(server.Qos(1, 0, false))
	go answer(server, consume(server, rpcQueue, false))

	channel := open(calling)
	own := exclusiveQueue(channel)
	answers := consume(channel, own, true)
	expect("answers", call(channel, own, answers, 0, 1, 30), []int{0, 1, 832040})
	direct := consume(channel, directReply, true)
	expect("direct answers", call(channel, directReply, direct, 10, 20), []int{55, 6765})

	must(channel.QueueDelete(rpcQueue, false, false, false))
	check(calling.Close())
	check(serving.Close())
}

func answer(channel *amqp.Channel, requests <-chan amqp.Delivery) {
	for request := range requests {
		n := must(strconv.Atoi(string(request.Body)))
		check(channel.Publish("", request.ReplyTo, false, false, amqp.Publishing{
			CorrelationId: request.CorrelationId,
			Body:          []byte(strconv.Itoa(fibonacci(n))),
		}))
		check(request.Ack(false))
	}
}

// call sends all requests before it waits, and sorts what comes by correlation id.
func call(channel *amqp.Channel, replyTo string, answers <-chan amqp.Delivery, numbers ...int) []int {
	for i, n := range numbers {
		check(channel.Publish("", rpcQueue, false, false, amqp.Publishing{
			ReplyTo:       replyTo,
			CorrelationId: strconv.Itoa(i),
			Body:          []byte(strconv.Itoa(n)),
		}))
	}
	out := make([]int, len(numbers))
	for _, answer := range receive(answers, len(numbers)) {
		out[must(strconv.Atoi(answer.CorrelationId))] = must(strconv.Atoi(string(answer.Body)))
	}
	return out
}

func fibonacci(n int) int {
	a, b := 0, 1
	for i := 0; i < n; i++ {
		a, b = b, a+b
	}
	return a
}
