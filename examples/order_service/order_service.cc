#include "examples/order_service/order_service.h"

#include <cstdio>
#include <fstream>

#include "client/cpp/producer.h"
#include "examples/order_service/append_file.h"
#include "examples/order_service/crash_plan.h"
#include "examples/order_service/order_database.h"

namespace order_service {
namespace {

using escrow::client::Check;
using escrow::client::Message;
using escrow::client::PrepareOptions;
using escrow::client::Producer;
using escrow::client::RolledBack;
using escrow::client::SendOutcome;
using escrow::client::SendResult;
using escrow::client::Verdict;

/// Short, so that the demo does not take long; a service would take a multiple of its longest transaction.
constexpr PrepareOptions kPrepareOptions{.first_check_delay = std::chrono::milliseconds(3000)};

/// How many orders of its share a worker has begun.
class Position {
 public:
  explicit Position(std::string path) : path_(std::move(path)) { std::ifstream(path_) >> begun_; }

  std::size_t begun() const { return begun_; }
  void begin_next() {
    std::ofstream(path_ + ".new") << ++begun_ << '\n';
    if (std::rename((path_ + ".new").c_str(), path_.c_str()) != 0) throw std::runtime_error("cannot write " + path_);
  }

 private:
  const std::string path_;
  std::size_t begun_ = 0;
};

Message to_message(const Order& order) {
  return {.exchange = kExchange,
          .routing_key = "placed." + order.country,
          .body = to_json(order),
          .properties = {.content_type = "application/json", .message_id = order.id}};
}

/// The heart of the example.
SendResult place_order(Producer& producer, OrderDatabase& database, const Order& order) {
  SendResult result = producer.send(
      order.id, {to_message(order)},
      [&] {
        database.place(order, [&] {
          if (payment_refused(order)) throw RolledBack("no invoice above the limit");
          maybe_crash(order, Crash::kBeforeDatabaseCommit);
        });
        maybe_crash(order, Crash::kBetweenTheCommits);
      },
      kPrepareOptions);
  maybe_crash(order, Crash::kAfterMessageCommit);
  return result;
}

/// True when the order ended as it should.
bool settled(const Order& order, const SendResult& result) {
  // A check will decide it.
  if (result.outcome == SendOutcome::kUndecided) return true;
  // A check was faster than the repetition of a prepare whose answer was lost: the order was never placed.
  if (result.outcome == SendOutcome::kRolledBack && !result.local_transaction_run) return true;
  if (result.outcome == (payment_refused(order) ? SendOutcome::kRolledBack : SendOutcome::kCommitted)) return true;
  std::fprintf(stderr, "order %s ended with outcome %d: %s\n", order.id.c_str(), static_cast<int>(result.outcome),
               result.error ? result.error->message.c_str() : "");
  return false;
}

}  // namespace

int serve(const escrow::client::Client& client, const std::vector<Order>& orders, const ServiceOptions& options,
          Termination& termination) {
  AppendFile check_log(options.check_log);
  Producer producer(client, kGroup);
  producer.on_check([&](const Check& check) {
    OrderDatabase database(options.database);  // handlers run on threads of their own, and a connection serves one
    const Verdict verdict = database.was_placed(check.transaction_id) ? Verdict::kCommit : Verdict::kRollback;
    check_log.add(check.transaction_id + (verdict == Verdict::kCommit ? " commit" : " rollback"));
    return verdict;
  });

  OrderDatabase database(options.database);
  Position position(options.position_file);
  for (;;) {
    const std::size_t index = options.worker + position.begun() * options.workers;
    if (index >= orders.size() || termination.requested()) break;
    position.begin_next();
    if (!settled(orders[index], place_order(producer, database, orders[index]))) return 1;
  }
  termination.wait();
  producer.stop();
  return 0;
}

}  // namespace order_service
