// RabbitMQ's six tutorials in Go: `tutorials NAME` runs one, checks its outcome and fails if it is not right.
package main

import (
	"fmt"
	"os"
	"reflect"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

const patience = 20 * time.Second

var tutorials = map[string]func(){
	"hello_world":       helloWorld,
	"work_queues":       workQueues,
	"publish_subscribe": publishSubscribe,
	"routing":           routing,
	"topics":            topics,
	"rpc":               rpc,
}

func main() {
	if len(os.Args) != 2 || tutorials[os.Args[1]] == nil {
		fail("usage: tutorials NAME")
	}
	tutorials[os.Args[1]]()
}

func fail(format string, arguments ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", arguments...)
	os.Exit(1)
}

func check(err error) {
	if err != nil {
		fail("%v", err)
	}
}

func must[T any](value T, err error) T {
	check(err)
	return value
}

func expect(what string, actual, expected any) {
	if !reflect.DeepEqual(actual, expected) {
		fail("%s: got %v, expected %v", what, actual, expected)
	}
}

func connect() *amqp.Connection { return must(amqp.Dial(os.Getenv("AMQP_URL"))) }

func open(connection *amqp.Connection) *amqp.Channel { return must(connection.Channel()) }

// consume settles nothing by itself unless autoAck says so.
func consume(channel *amqp.Channel, queue string, autoAck bool) <-chan amqp.Delivery {
	return must(channel.Consume(queue, "", autoAck, false, false, false, nil))
}

// exclusiveQueue is named by the broker and goes with the connection.
func exclusiveQueue(channel *amqp.Channel) string {
	return must(channel.QueueDeclare("", false, false, true, false, nil)).Name
}

func publish(channel *amqp.Channel, exchange, key, body string) {
	check(channel.Publish(exchange, key, false, false, amqp.Publishing{Body: []byte(body)}))
}

// receive returns the next count deliveries.
func receive(deliveries <-chan amqp.Delivery, count int) []amqp.Delivery {
	var out []amqp.Delivery
	timeout := time.After(patience)
	for len(out) < count {
		select {
		case delivery, ok := <-deliveries:
			if !ok {
				fail("the channel was closed after %d of %d deliveries", len(out), count)
			}
			out = append(out, delivery)
		case <-timeout:
			fail("%d of %d deliveries came", len(out), count)
		}
	}
	return out
}

func bodies(deliveries []amqp.Delivery) []string {
	var out []string
	for _, delivery := range deliveries {
		out = append(out, string(delivery.Body))
	}
	return out
}

func keys(deliveries []amqp.Delivery) []string {
	var out []string
	for _, delivery := range deliveries {
		out = append(out, delivery.RoutingKey)
	}
	return out
}
