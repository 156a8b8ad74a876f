/* Topics: `*` is one word, `#` any number, and two matching bindings deliver once. */
#include <stdio.h>
#include <string.h>

#include "client.h"

typedef struct {
  const char* patterns[2];
  /* Which of the published keys it hears, as bits. */
  unsigned hears;
} Subscriber;

static const char* const kKeys[] = {"quick.orange.rabbit",
                                    "lazy.orange.elephant",
                                    "quick.orange.fox",
                                    "lazy.brown.fox",
                                    "lazy.pink.rabbit",
                                    "quick.brown.fox",
                                    "orange",
                                    "quick.orange.new.rabbit",
                                    "lazy.orange.new.rabbit",
                                    "lazy"};
enum { kKeyCount = sizeof kKeys / sizeof kKeys[0], kSubscribers = 3 };

static const Subscriber subscribers[kSubscribers] = {
    {{"*.orange.*"}, 1u << 0 | 1u << 1 | 1u << 2},
    {{"*.*.rabbit", "lazy.#"}, 1u << 0 | 1u << 1 | 1u << 3 | 1u << 4 | 1u << 8 | 1u << 9},
    {{"#"}, (1u << kKeyCount) - 1},
};

static unsigned bit_of(const char* key) {
  for (unsigned i = 0; i < kKeyCount; i++) {
    if (strcmp(kKeys[i], key) == 0) return 1u << i;
  }
  fail("nobody published %s", key);
}

int main(void) {
  int expected = 0;
  amqp_connection_state_t connection = client_connect();
  declare_exchange(connection, "topic_logs", "topic");
  for (int i = 0; i < kSubscribers; i++) {
    char queue[128], tag[16];
    declare_own_queue(connection, queue, sizeof queue);
    for (int j = 0; j < 2 && subscribers[i].patterns[j]; j++) {
      bind_queue(connection, queue, "topic_logs", subscribers[i].patterns[j]);
    }
    snprintf(tag, sizeof tag, "%d", i);
    consume(connection, queue, tag, true);
    expected += __builtin_popcount(subscribers[i].hears);
  }
  for (int i = 0; i < kKeyCount; i++) publish(connection, "topic_logs", kKeys[i], "x", NULL);

  unsigned heard[kSubscribers] = {0};
  for (int i = 0; i < expected; i++) {
    const Delivery delivery = receive(connection);
    unsigned* bits = &heard[delivery.queue_tag[0] - '0'];
    if (*bits & bit_of(delivery.routing_key)) fail("%s came twice", delivery.routing_key);
    *bits |= bit_of(delivery.routing_key);
  }
  for (int i = 0; i < kSubscribers; i++) expect_number("keys", heard[i], subscribers[i].hears);
  delete_exchange(connection, "topic_logs");
  client_close(connection);
  return 0;
}
