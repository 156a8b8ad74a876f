// The order service's own database. All of libpqxx is behind it.
//
//   orders         what the service is about
//   order_items
//   escrow_barrier one row per transaction, saying how it ended: what a check looks up
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_set>

#include "examples/order_service/order.h"

namespace order_service {

/// One connection; for one thread at a time. Everything throws what libpqxx throws.
class OrderDatabase {
 public:
  explicit OrderDatabase(const std::string& connection_string);
  ~OrderDatabase();

  void create_tables();

  /// Writes the order, with its row in the barrier, and commits. `before_commit` is called in between, and
  /// what it throws rolls everything back. Fails when a check was faster and has ruled the order out.
  void place(const Order& order, const std::function<void()>& before_commit);

  /// Whether the order of this transaction was committed. If it was not, it never will be: the answer is put
  /// into the barrier, where it stops a place() that is late.
  bool was_placed(const std::string& transaction_id);

  /// The ids of all orders.
  std::unordered_set<std::string> order_ids();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace order_service
