#include <array>
#include <cstdio>
#include <fstream>
#include <map>
#include <sstream>
#include <unordered_map>
#include <unordered_set>

#include "examples/order_service/crash_plan.h"
#include "examples/order_service/desk.h"
#include "examples/order_service/order_database.h"

namespace order_service {
namespace {

struct Row {
  const char* name;
  int orders = 0;
  int in_database = 0;
  int delivered = 0;
  int checked = 0;

  Row& operator+=(const Row& other) {
    orders += other.orders;
    in_database += other.in_database;
    delivered += other.delivered;
    checked += other.checked;
    return *this;
  }
};

/// First word of each line to how often it is there.
std::unordered_map<std::string, int> count_lines(const std::string& path) {
  std::unordered_map<std::string, int> counts;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    std::string id;
    std::istringstream(line) >> id;
    ++counts[id];
  }
  return counts;
}

std::size_t row_of(const Order& order) {
  if (payment_refused(order)) return 1;
  switch (planned_crash(order)) {
    case Crash::kNever:
      return 0;
    case Crash::kBeforeDatabaseCommit:
      return 2;
    case Crash::kBetweenTheCommits:
      return 3;
    case Crash::kAfterMessageCommit:
      return 4;
  }
  return 0;
}

/// 1234 → "1,234"
std::string grouped(int number) {
  std::string text = std::to_string(number);
  for (std::size_t i = text.size(); i > 3; i -= 3) text.insert(i - 3, 1, ',');
  return text;
}

void print(const Row& row) {
  std::printf("  %-40s %8s %12s %11s %11s\n", row.name, grouped(row.orders).c_str(), grouped(row.in_database).c_str(),
              grouped(row.delivered).c_str(), grouped(row.checked).c_str());
}

void print_line() { std::printf("  %s\n", std::string(86, '-').c_str()); }

}  // namespace

int report(const std::vector<Order>& orders, const Books& books) {
  const auto placed = OrderDatabase(books.database).order_ids();
  auto deliveries = count_lines(books.delivery_log);
  const auto checks = count_lines(books.check_log);
  std::array<Row, 5> rows{{{"placed"},
                           {"refused by a business rule"},
                           {"killed before the database commit"},
                           {"killed between database and message"},
                           {"killed after the message commit"}}};
  int wrong = 0;
  for (const Order& order : orders) {
    Row& row = rows[row_of(order)];
    const bool in_database = placed.contains(order.id);
    const int delivered = deliveries[order.id];
    deliveries.erase(order.id);
    ++row.orders;
    row.in_database += in_database ? 1 : 0;
    row.delivered += delivered;
    row.checked += checks.contains(order.id) ? 1 : 0;
    if (delivered == (in_database ? 1 : 0)) continue;
    if (++wrong <= 10) {
      std::printf("  WRONG: order %s is %s the database and was delivered %d times\n", order.id.c_str(),
                  in_database ? "in" : "not in", delivered);
    }
  }
  for (const auto& [id, count] : deliveries) {
    std::printf("  WRONG: %d deliveries of an order nobody placed: %s\n", count, id.c_str());
    ++wrong;
  }

  std::printf("\n  %-40s %8s %12s %11s %11s\n", "what happened to the order", "orders", "in database", "delivered",
              "asked back");
  print_line();
  Row total{"all"};
  for (const Row& row : rows) {
    print(row);
    total += row;
  }
  print_line();
  print(total);
  std::printf("\n  %s\n\n", wrong == 0
                                ? "Every order in the database was delivered exactly once, and no other order was."
                                : "The database and the deliveries DIFFER.");
  return wrong == 0 ? 0 : 1;
}

}  // namespace order_service
