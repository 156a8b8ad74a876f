/* Publish/subscribe: a fanout exchange gives each of two subscribers a copy, and nobody what came before. */
#include <stdio.h>

#include "client.h"

enum { kSubscribers = 2, kInfos = 3 };

int main(void) {
  amqp_connection_state_t connection = client_connect();
  declare_exchange(connection, "logs", "fanout");
  publish(connection, "logs", "", "nobody hears this", NULL);

  for (int i = 0; i < kSubscribers; i++) {
    char queue[128], tag[16];
    declare_own_queue(connection, queue, sizeof queue);
    bind_queue(connection, queue, "logs", "");
    snprintf(tag, sizeof tag, "%d", i);
    consume(connection, queue, tag, true);
  }
  for (int i = 0; i < kInfos; i++) {
    char body[16];
    snprintf(body, sizeof body, "info %d", i);
    publish(connection, "logs", "ignored", body, NULL);
  }
  int heard[kSubscribers] = {0};
  for (int i = 0; i < kSubscribers * kInfos; i++) {
    const Delivery delivery = receive(connection);
    char expected[16];
    snprintf(expected, sizeof expected, "info %d", heard[delivery.queue_tag[0] - '0']++);
    expect_text("copy", delivery.body, expected);
  }
  for (int i = 0; i < kSubscribers; i++) expect_number("copies", heard[i], kInfos);
  delete_exchange(connection, "logs");
  client_close(connection);
  return 0;
}
