/* RPC: a server of Fibonacci numbers, and a client that tells its answers apart by correlation id.
   The client waits on a queue of its own, as the tutorial does, and then on amq.rabbitmq.reply-to. */
#include <stdio.h>
#include <stdlib.h>

#include "client.h"

static const char kQueue[] = "rpc_queue";
static const char kDirectReply[] = "amq.rabbitmq.reply-to";

static long fibonacci(int n) {
  long a = 0, b = 1;
  while (n-- > 0) {
    const long next = a + b;
    a = b;
    b = next;
  }
  return a;
}

static void serve_one(amqp_connection_state_t connection) {
  const Delivery request = receive(connection);
  char body[32];
  snprintf(body, sizeof body, "%ld", fibonacci(atoi(request.body)));
  const amqp_basic_properties_t properties = {._flags = AMQP_BASIC_CORRELATION_ID_FLAG,
                                              .correlation_id = amqp_cstring_bytes(request.correlation_id)};
  publish(connection, "", request.reply_to, body, &properties);
  ack(connection, &request);
}

/* Both sides in one thread: the request waits in the queue until it is served. */
static long call(amqp_connection_state_t client, amqp_connection_state_t server, const char* reply_to, int n) {
  char body[16], correlation_id[32];
  snprintf(body, sizeof body, "%d", n);
  snprintf(correlation_id, sizeof correlation_id, "call-%d", n);
  const amqp_basic_properties_t properties = {._flags = AMQP_BASIC_CORRELATION_ID_FLAG | AMQP_BASIC_REPLY_TO_FLAG,
                                              .correlation_id = amqp_cstring_bytes(correlation_id),
                                              .reply_to = amqp_cstring_bytes(reply_to)};
  publish(client, "", kQueue, body, &properties);
  serve_one(server);
  const Delivery answer = receive(client);
  expect_text("correlation id", answer.correlation_id, correlation_id);
  return atol(answer.body);
}

int main(void) {
  amqp_connection_state_t server = client_connect(), client = client_connect();
  declare_queue(server, kQueue, false);
  set_prefetch(server, 1);
  consume(server, kQueue, "", false);

  char own[128];
  declare_own_queue(client, own, sizeof own);
  consume(client, own, "own", true);
  expect_number("answer to 0", call(client, server, own, 0), 0);
  expect_number("answer to 30", call(client, server, own, 30), 832040);

  consume(client, kDirectReply, "direct", true);
  expect_number("direct answer to 20", call(client, server, kDirectReply, 20), 6765);
  delete_queue(client, kQueue);
  client_close(client);
  client_close(server);
  return 0;
}
