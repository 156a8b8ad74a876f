package main

// One producer, one queue, one consumer.
func helloWorld() {
	producer := connect()
	sending := open(producer)
	must(sending.QueueDeclare("hello", false, false, false, false, nil))
	publish(sending, "", "hello", "Hello World!")
	check(producer.Close())

	consumer := connect()
	channel := open(consumer)
	must(channel.QueueDeclare("hello", false, false, false, false, nil))
	expect("bodies", bodies(receive(consume(channel, "hello", true), 1)), []string{"Hello World!"})
	expect("left over", must(channel.QueueDelete("hello", false, false, false)), 0)
	check(consumer.Close())
}
