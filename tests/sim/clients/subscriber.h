// Consumes from one or two queues, as real consumers do: acknowledges one by one or many at once, sends back, drops,
// keeps things for too long, goes away and comes back.
#pragma once

#include <deque>
#include <optional>
#include <string_view>

#include "tests/sim/clients/client.h"

namespace escrow::sim {

class Subscriber : public Client {
 public:
  using Client::Client;

  void act() override;
  void on_reply(std::uint64_t request, const Result<engine::Reply>& reply) override;
  void on_delivery(const broker::Delivery& delivery) override;
  void on_cancelled(broker::ConsumerId consumer) override;

 protected:
  struct Subscription {
    std::uint64_t request = 0;
    broker::ConsumerId consumer = 0;  ///< 0: not answered yet
    bool auto_credit = false;
    std::uint32_t credit = 0;              ///< not used yet
    std::deque<broker::DeliveryTag> held;  ///< in order
  };

  void disconnected() override { subscriptions_.clear(); }
  void subscribe(std::string_view queue, std::uint32_t credit, bool auto_credit);
  void settle(Subscription& subscription, std::size_t from, std::size_t to, broker::Settlement settlement);

  std::vector<Subscription> subscriptions_;

 private:
  void arrive();
  void settle_some(Subscription& subscription);
  void settle_nonsense(const Subscription& subscription);
  void grant(Subscription& subscription);
};

/// Empties one queue: for the end of a run.
class Sweeper final : public Subscriber {
 public:
  Sweeper(Surroundings& surroundings, std::string actor, Random random, std::string_view queue)
      : Subscriber(surroundings, std::move(actor), random), queue_(queue) {}

  void act() override;

 private:
  std::string_view queue_;
};

}  // namespace escrow::sim
