#include "examples/order_service/order_database.h"

#include <pqxx/pqxx>

namespace order_service {
namespace {

constexpr char kTables[] = R"(
CREATE TABLE orders (
  order_id  text PRIMARY KEY,
  placed_at timestamptz NOT NULL,
  customer  text NOT NULL,
  currency  char(3) NOT NULL,
  total     numeric(12, 2) NOT NULL
);
CREATE TABLE order_items (
  order_id text NOT NULL REFERENCES orders,
  article  text NOT NULL,
  quantity integer NOT NULL,
  price    numeric(12, 2) NOT NULL,
  PRIMARY KEY (order_id, article)
);
CREATE TABLE escrow_barrier (
  transaction_id text PRIMARY KEY,
  committed      boolean NOT NULL
);
)";

}  // namespace

class OrderDatabase::Impl {
 public:
  explicit Impl(const std::string& connection_string) : connection(connection_string) {}

  pqxx::connection connection;
};

OrderDatabase::OrderDatabase(const std::string& connection_string) : impl_(std::make_unique<Impl>(connection_string)) {}

OrderDatabase::~OrderDatabase() = default;

void OrderDatabase::create_tables() {
  pqxx::work work(impl_->connection);
  work.exec(kTables);
  work.commit();
}

void OrderDatabase::place(const Order& order, const std::function<void()>& before_commit) {
  pqxx::work work(impl_->connection);
  work.exec_params("INSERT INTO escrow_barrier VALUES ($1, true)", order.id);
  work.exec_params("INSERT INTO orders VALUES ($1, $2, $3, $4, $5)", order.id, order.placed_at, order.customer,
                   order.currency, money(order.total_cents));
  for (const Item& item : order.items) {
    work.exec_params("INSERT INTO order_items VALUES ($1, $2, $3, $4)", order.id, item.article, item.quantity,
                     money(item.price_cents));
  }
  before_commit();
  work.commit();
}

bool OrderDatabase::was_placed(const std::string& transaction_id) {
  pqxx::work work(impl_->connection);
  // Waits for a place() that is just committing, and stops any that comes later.
  work.exec_params("INSERT INTO escrow_barrier VALUES ($1, false) ON CONFLICT DO NOTHING", transaction_id);
  const pqxx::row row =
      work.exec_params1("SELECT committed FROM escrow_barrier WHERE transaction_id = $1", transaction_id);
  work.commit();
  return row[0].as<bool>();
}

std::unordered_set<std::string> OrderDatabase::order_ids() {
  pqxx::work work(impl_->connection);
  std::unordered_set<std::string> ids;
  for (const auto& row : work.exec("SELECT order_id FROM orders")) ids.insert(row[0].as<std::string>());
  return ids;
}

}  // namespace order_service
