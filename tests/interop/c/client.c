#include "client.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#if __has_include(<rabbitmq-c/tcp_socket.h>)
#include <rabbitmq-c/tcp_socket.h>
#else
#include <amqp_tcp_socket.h>
#endif

enum { kPatienceS = 20, kFrameMax = 131072 };

void fail(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputc('\n', stderr);
  exit(1);
}

static void check(int status, const char* what) {
  if (status < 0) fail("%s: %s", what, amqp_error_string2(status));
}

static void require_normal(amqp_rpc_reply_t reply, const char* what) {
  if (reply.reply_type == AMQP_RESPONSE_NORMAL) return;
  if (reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION)
    fail("%s: %s", what, amqp_error_string2(reply.library_error));
  const amqp_channel_close_t* closed = reply.reply.decoded;
  if (reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD) {
    fail("%s: %d %.*s", what, closed->reply_code, (int)closed->reply_text.len, (char*)closed->reply_text.bytes);
  }
  fail("%s: answered with method %s", what, amqp_method_name(reply.reply.id));
}

void check_reply(amqp_connection_state_t connection, const char* what) {
  require_normal(amqp_get_rpc_reply(connection), what);
}

amqp_connection_state_t client_connect(void) {
  char* url = strdup(getenv("AMQP_URL") ? getenv("AMQP_URL") : "amqp://guest:guest@127.0.0.1:5672/");
  struct amqp_connection_info info;
  check(amqp_parse_url(url, &info), "AMQP_URL");
  amqp_connection_state_t connection = amqp_new_connection();
  amqp_socket_t* socket = amqp_tcp_socket_new(connection);
  if (!socket) fail("no socket");
  check(amqp_socket_open(socket, info.host, info.port), "connect");
  // The URL ends in '/', which names no vhost.
  require_normal(amqp_login(connection, "/", 0, kFrameMax, 60, AMQP_SASL_METHOD_PLAIN, info.user, info.password),
                 "login");
  free(url);
  amqp_channel_open(connection, CHANNEL);
  check_reply(connection, "channel.open");
  return connection;
}

void client_close(amqp_connection_state_t connection) {
  require_normal(amqp_channel_close(connection, CHANNEL, AMQP_REPLY_SUCCESS), "channel.close");
  require_normal(amqp_connection_close(connection, AMQP_REPLY_SUCCESS), "connection.close");
  check(amqp_destroy_connection(connection), "destroy");
}

void declare_queue(amqp_connection_state_t connection, const char* queue, bool durable) {
  amqp_queue_declare(connection, CHANNEL, amqp_cstring_bytes(queue), 0, durable, 0, 0, amqp_empty_table);
  check_reply(connection, "queue.declare");
}

static void copy_text(char* to, size_t size, amqp_bytes_t from) {
  const size_t length = from.len < size ? from.len : size - 1;
  memcpy(to, from.bytes, length);
  to[length] = '\0';
}

void declare_own_queue(amqp_connection_state_t connection, char* name, size_t size) {
  const amqp_queue_declare_ok_t* ok =
      amqp_queue_declare(connection, CHANNEL, amqp_empty_bytes, 0, 0, 1, 0, amqp_empty_table);
  check_reply(connection, "queue.declare");
  copy_text(name, size, ok->queue);
}

uint32_t delete_queue(amqp_connection_state_t connection, const char* queue) {
  const amqp_queue_delete_ok_t* ok = amqp_queue_delete(connection, CHANNEL, amqp_cstring_bytes(queue), 0, 0);
  check_reply(connection, "queue.delete");
  return ok->message_count;
}

void declare_exchange(amqp_connection_state_t connection, const char* exchange, const char* type) {
  amqp_exchange_declare(connection, CHANNEL, amqp_cstring_bytes(exchange), amqp_cstring_bytes(type), 0, 0, 0, 0,
                        amqp_empty_table);
  check_reply(connection, "exchange.declare");
}

void delete_exchange(amqp_connection_state_t connection, const char* exchange) {
  amqp_exchange_delete(connection, CHANNEL, amqp_cstring_bytes(exchange), 0);
  check_reply(connection, "exchange.delete");
}

void bind_queue(amqp_connection_state_t connection, const char* queue, const char* exchange, const char* key) {
  amqp_queue_bind(connection, CHANNEL, amqp_cstring_bytes(queue), amqp_cstring_bytes(exchange), amqp_cstring_bytes(key),
                  amqp_empty_table);
  check_reply(connection, "queue.bind");
}

void set_prefetch(amqp_connection_state_t connection, uint16_t count) {
  amqp_basic_qos(connection, CHANNEL, 0, count, 0);
  check_reply(connection, "basic.qos");
}

void consume(amqp_connection_state_t connection, const char* queue, const char* tag, bool no_ack) {
  amqp_basic_consume(connection, CHANNEL, amqp_cstring_bytes(queue), amqp_cstring_bytes(tag), 0, no_ack, 0,
                     amqp_empty_table);
  check_reply(connection, "basic.consume");
}

void publish(amqp_connection_state_t connection, const char* exchange, const char* key, const char* body,
             const amqp_basic_properties_t* properties) {
  check(amqp_basic_publish(connection, CHANNEL, amqp_cstring_bytes(exchange), amqp_cstring_bytes(key), 0, 0, properties,
                           amqp_cstring_bytes(body)),
        "basic.publish");
}

Delivery receive(amqp_connection_state_t connection) {
  struct timeval patience = {kPatienceS, 0};
  amqp_envelope_t envelope;
  amqp_maybe_release_buffers(connection);
  require_normal(amqp_consume_message(connection, &envelope, &patience, 0), "receive");
  Delivery out = {.delivery_tag = envelope.delivery_tag, .redelivered = envelope.redelivered};
  copy_text(out.queue_tag, sizeof out.queue_tag, envelope.consumer_tag);
  copy_text(out.routing_key, sizeof out.routing_key, envelope.routing_key);
  copy_text(out.body, sizeof out.body, envelope.message.body);
  const amqp_basic_properties_t* properties = &envelope.message.properties;
  if (properties->_flags & AMQP_BASIC_REPLY_TO_FLAG) copy_text(out.reply_to, sizeof out.reply_to, properties->reply_to);
  if (properties->_flags & AMQP_BASIC_CORRELATION_ID_FLAG) {
    copy_text(out.correlation_id, sizeof out.correlation_id, properties->correlation_id);
  }
  amqp_destroy_envelope(&envelope);
  return out;
}

void ack(amqp_connection_state_t connection, const Delivery* delivery) {
  check(amqp_basic_ack(connection, CHANNEL, delivery->delivery_tag, 0), "basic.ack");
}

void expect_text(const char* what, const char* actual, const char* expected) {
  if (strcmp(actual, expected) != 0) fail("%s: got \"%s\", expected \"%s\"", what, actual, expected);
}

void expect_number(const char* what, long actual, long expected) {
  if (actual != expected) fail("%s: got %ld, expected %ld", what, actual, expected);
}
