/* Work queues: durable tasks, fair dispatch, and a worker that dies with a task in its hands. */
#include <stdio.h>

#include "client.h"

enum { kTasks = 6 };

int main(void) {
  char tasks[kTasks][16];
  const amqp_basic_properties_t persistent = {._flags = AMQP_BASIC_DELIVERY_MODE_FLAG,
                                              .delivery_mode = AMQP_DELIVERY_PERSISTENT};
  amqp_connection_state_t producer = client_connect();
  declare_queue(producer, "task_queue", true);
  for (int i = 0; i < kTasks; i++) {
    snprintf(tasks[i], sizeof tasks[i], "task %d", i);
    publish(producer, "", "task_queue", tasks[i], &persistent);
  }
  client_close(producer);

  /* Takes one task, and with a prefetch of one no other, and goes without a word. */
  amqp_connection_state_t dying = client_connect();
  set_prefetch(dying, 1);
  consume(dying, "task_queue", "", false);
  expect_text("first task", receive(dying).body, tasks[0]);

  amqp_connection_state_t living = client_connect();
  set_prefetch(living, 1);
  consume(living, "task_queue", "", false);
  for (int i = 1; i < kTasks; i++) {
    const Delivery delivery = receive(living);
    expect_text("task of the one that lives", delivery.body, tasks[i]);
    expect_number("redelivered", delivery.redelivered, false);
    ack(living, &delivery);
  }
  client_close(dying);
  const Delivery last = receive(living);
  expect_text("task of the one that died", last.body, tasks[0]);
  expect_number("redelivered", last.redelivered, true);
  ack(living, &last);
  delete_queue(living, "task_queue");
  client_close(living);
  return 0;
}
