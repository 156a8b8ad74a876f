// What the demo does around the service: it sets the broker up, waits for the end, and counts.
#pragma once

#include <string>
#include <vector>

#include "client/cpp/client.h"
#include "examples/order_service/order.h"

namespace order_service {

/// Declares the exchange and the queue of the warehouse. Waits for a server that is just starting.
int declare(const escrow::client::Client& client);

/// Waits until no transaction is open and the queue is empty. Fails when that takes too long.
int await_rest(const escrow::client::Client& client);

struct Books {
  std::string database;      ///< connection string
  std::string delivery_log;  ///< one order id a line
  std::string check_log;     ///< order id, space, verdict
};

/// Prints the table. 0 when every order in the database was delivered exactly once, and no other order was.
int report(const std::vector<Order>& orders, const Books& books);

}  // namespace order_service
