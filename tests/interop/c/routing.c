/* Routing: a direct exchange, one subscriber for errors and one for everything. */
#include <stdio.h>
#include <string.h>

#include "client.h"

int main(void) {
  const char* severities[] = {"info", "warning", "error"};
  char errors[128], everything[128];
  amqp_connection_state_t connection = client_connect();
  declare_exchange(connection, "direct_logs", "direct");
  declare_own_queue(connection, errors, sizeof errors);
  bind_queue(connection, errors, "direct_logs", "error");
  declare_own_queue(connection, everything, sizeof everything);
  for (int i = 0; i < 3; i++) bind_queue(connection, everything, "direct_logs", severities[i]);
  consume(connection, errors, "errors", true);
  consume(connection, everything, "everything", true);

  /* Had "debug" a way to a subscriber, it would be there first. */
  publish(connection, "direct_logs", "debug", "debug happened", NULL);
  for (int i = 0; i < 3; i++) {
    char body[32];
    snprintf(body, sizeof body, "%s happened", severities[i]);
    publish(connection, "direct_logs", severities[i], body, NULL);
  }
  int heard = 0;
  for (int i = 0; i < 4; i++) {
    const Delivery delivery = receive(connection);
    char expected[32];
    const char* severity = strcmp(delivery.queue_tag, "errors") == 0 ? "error" : severities[heard++ % 3];
    snprintf(expected, sizeof expected, "%s happened", severity);
    expect_text("key", delivery.routing_key, severity);
    expect_text("body", delivery.body, expected);
  }
  expect_number("everything", heard, 3);
  delete_exchange(connection, "direct_logs");
  client_close(connection);
  return 0;
}
