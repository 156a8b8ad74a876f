#include "examples/order_service/order.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string_view>

namespace order_service {
namespace {

constexpr std::size_t kFields = 9;

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (;;) {
    const std::size_t end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

/// "1234.50" → 123450
std::int64_t cents(std::string text) {
  const std::size_t point = text.find('.');
  if (point == std::string::npos || point + 3 != text.size()) throw std::runtime_error("no amount: " + text);
  return std::stoll(text.erase(point, 1));
}

/// "A1012*1@553.59"
Item parse_item(const std::string& text) {
  const std::size_t star = text.find('*');
  const std::size_t at = text.find('@');
  if (star == std::string::npos || at == std::string::npos) throw std::runtime_error("no item: " + text);
  return {text.substr(0, star), std::stoi(text.substr(star + 1, at - star - 1)), cents(text.substr(at + 1))};
}

Order parse_order(const std::string& line) {
  auto fields = split(line, ',');
  if (fields.size() != kFields) throw std::runtime_error("not " + std::to_string(kFields) + " fields");
  Order order{fields[0], fields[1], fields[2], fields[3], fields[4], fields[5], fields[6], {}, cents(fields[8])};
  for (const std::string& item : split(fields[7], ';')) order.items.push_back(parse_item(item));
  return order;
}

}  // namespace

std::vector<Order> read_orders(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot open " + path);
  std::vector<Order> orders;
  std::string line;
  std::getline(file, line);  // the names of the columns
  try {
    while (std::getline(file, line)) orders.push_back(parse_order(line));
  } catch (const std::exception& exception) {
    throw std::runtime_error(path + ": " + exception.what() + " in: " + line);
  }
  return orders;
}

bool payment_refused(const Order& order) {
  const std::int64_t limit_cents = order.currency == "SEK" ? 250'000 : 22'000;
  return order.payment == "invoice" && order.total_cents > limit_cents;
}

std::string money(std::int64_t amount_cents) {
  const std::string rest = std::to_string(amount_cents % 100);
  return std::to_string(amount_cents / 100) + (rest.size() == 1 ? ".0" : ".") + rest;
}

std::string to_json(const Order& order) {
  nlohmann::json items = nlohmann::json::array();
  for (const Item& item : order.items) items.push_back({{"article", item.article}, {"quantity", item.quantity}});
  return nlohmann::json{{"order", order.id}, {"customer", order.customer},        {"country", order.country},
                        {"items", items},    {"total", money(order.total_cents)}, {"currency", order.currency}}
      .dump();
}

}  // namespace order_service
