// An order as it stands in orders.csv.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace order_service {

struct Item {
  std::string article;
  int quantity = 0;
  std::int64_t price_cents = 0;
};

struct Order {
  std::string id;
  std::string placed_at;
  std::string customer_id;
  std::string customer;
  std::string country;
  std::string currency;
  std::string payment;
  std::vector<Item> items;
  std::int64_t total_cents = 0;
};

/// In the order of the file. Throws std::runtime_error with the line when something is wrong.
std::vector<Order> read_orders(const std::string& path);

/// The business rule that refuses some orders: payment by invoice only up to a limit.
bool payment_refused(const Order& order);

/// "1234.50"
std::string money(std::int64_t cents);

/// What the warehouse is told.
std::string to_json(const Order& order);

}  // namespace order_service
