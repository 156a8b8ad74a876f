// The order service: places orders in its database and tells the warehouse, both or neither.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "client/cpp/client.h"
#include "examples/order_service/order.h"
#include "examples/order_service/termination.h"

namespace order_service {

inline constexpr char kGroup[] = "order-service";
inline constexpr char kExchange[] = "orders";
inline constexpr char kQueue[] = "shipping";

struct ServiceOptions {
  std::string database;  ///< connection string
  /// This worker takes every `workers`th order, beginning with `worker`.
  std::size_t worker = 0;
  std::size_t workers = 1;
  /// The worker remembers here how far it is, so that the next one goes on behind the order over which this
  /// one died.
  std::string position_file;
  /// One line for each check: the order and the verdict.
  std::string check_log;
};

/// Places this worker's share of `orders`, then goes on answering checks until `termination`. Returns the
/// exit code.
int serve(const escrow::client::Client& client, const std::vector<Order>& orders, const ServiceOptions& options,
          Termination& termination);

}  // namespace order_service
