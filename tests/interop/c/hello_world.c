/* Hello world: one producer, one queue, one consumer. */
#include "client.h"

int main(void) {
  amqp_connection_state_t producer = client_connect();
  declare_queue(producer, "hello", false);
  publish(producer, "", "hello", "Hello World!", NULL);
  client_close(producer);

  amqp_connection_state_t consumer = client_connect();
  declare_queue(consumer, "hello", false);
  consume(consumer, "hello", "", true);
  const Delivery delivery = receive(consumer);
  expect_text("body", delivery.body, "Hello World!");
  expect_number("left over", delete_queue(consumer, "hello"), 0);
  client_close(consumer);
  return 0;
}
