/* What the six programs share: librabbitmq with failures that end the program. All are for one thread. */
#pragma once

#if __has_include(<rabbitmq-c/amqp.h>)
#include <rabbitmq-c/amqp.h>
#include <rabbitmq-c/framing.h>
#else
#include <amqp.h>
#include <amqp_framing.h>
#endif

#include <stdbool.h>
#include <stddef.h>

#define CHANNEL 1

/* A received message; its texts are cut off at the size of their fields and end with NUL. */
typedef struct {
  char queue_tag[128];
  char routing_key[128];
  char body[128];
  char reply_to[128];
  char correlation_id[128];
  uint64_t delivery_tag;
  bool redelivered;
} Delivery;

_Noreturn void fail(const char* format, ...);

/* To the broker of AMQP_URL, with CHANNEL open. */
amqp_connection_state_t client_connect(void);
void client_close(amqp_connection_state_t connection);

/* Fails when the last synchronous call did. */
void check_reply(amqp_connection_state_t connection, const char* what);

void declare_queue(amqp_connection_state_t connection, const char* queue, bool durable);
/* Named by the broker, exclusive; the name is written to `name`. */
void declare_own_queue(amqp_connection_state_t connection, char* name, size_t size);
/* Returns how many messages were in it. */
uint32_t delete_queue(amqp_connection_state_t connection, const char* queue);
void declare_exchange(amqp_connection_state_t connection, const char* exchange, const char* type);
void delete_exchange(amqp_connection_state_t connection, const char* exchange);
void bind_queue(amqp_connection_state_t connection, const char* queue, const char* exchange, const char* key);
void set_prefetch(amqp_connection_state_t connection, uint16_t count);
void consume(amqp_connection_state_t connection, const char* queue, const char* tag, bool no_ack);

/* `properties` may be NULL. */
void publish(amqp_connection_state_t connection, const char* exchange, const char* key, const char* body,
             const amqp_basic_properties_t* properties);
/* The next delivery of any consumer; fails when none comes. */
Delivery receive(amqp_connection_state_t connection);
void ack(amqp_connection_state_t connection, const Delivery* delivery);

void expect_text(const char* what, const char* actual, const char* expected);
void expect_number(const char* what, long actual, long expected);
