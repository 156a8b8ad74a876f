module escrow.example/interop

go 1.20

require github.com/rabbitmq/amqp091-go v1.16.0

// Only amqp091-go's tests use it. Later versions need a newer Go than Debian 12 has.
replace go.uber.org/goleak => go.uber.org/goleak v1.2.1
