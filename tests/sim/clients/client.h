// What all simulated clients have in common: a will of their own, and a connection that may go at any time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "tests/sim/catalog.h"
#include "tests/sim/model/model.h"
#include "tests/sim/network.h"
#include "tests/sim/profile.h"
#include "tests/sim/sim_port.h"
#include "tests/sim/trace.h"

namespace escrow::sim {

/// All ports of a run. They stay until its end, so that an effect for one that is gone is noticed.
class Ports {
 public:
  Ports(model::Model& model, Verdict& verdict) : model_(model), verdict_(verdict) {}

  SimPort& open(Transport transport, PortListener& listener) {
    const auto number = static_cast<model::PortNumber>(ports_.size());
    return *ports_.emplace_back(
        std::make_unique<SimPort>(number, transport, model_, verdict_, listener, effects_left_));
  }
  /// The process dies after so many more effects: the rest does not get out.
  void die_after(std::uint64_t effects) { effects_left_ = effects; }
  void kill_all() {
    effects_left_ = kUnlimited;
    for (; first_alive_ < ports_.size(); ++first_alive_) ports_[first_alive_]->kill();
  }

 private:
  static constexpr std::uint64_t kUnlimited = ~std::uint64_t{0};

  model::Model& model_;
  Verdict& verdict_;
  std::uint64_t effects_left_ = kUnlimited;
  std::vector<std::unique_ptr<SimPort>> ports_;
  std::size_t first_alive_ = 0;
};

/// What a client can reach.
struct Surroundings {
  const Profile& profile;
  Network& network;
  Ports& ports;
  Catalog& catalog;
  Trace& trace;
  /// Clients may look up what really happened; that saves them a memory of their own.
  const model::Model& model;
  std::uint32_t next_publisher = 1;  ///< 0 is the order in which transactions are committed
};

class Client : public PortListener {
 public:
  Client(Surroundings& surroundings, std::string actor, Random random)
      : around_(surroundings), actor_(std::move(actor)), random_(random) {}

  /// Does something, or nothing.
  virtual void act() = 0;
  /// From now on it only ends what it has begun.
  virtual void finish() { finishing_ = true; }

  /// The server went away. What was not answered may or may not have happened.
  void server_lost();

  void on_reply(std::uint64_t, const Result<engine::Reply>&) override {}
  void on_delivery(const broker::Delivery&) override {}
  void on_cancelled(broker::ConsumerId) override {}
  void on_check(const engine::Check&) override {}
  void on_closed() final;

 protected:
  /// The connection is gone, for whatever reason, and with it what was known only because of it.
  virtual void disconnected() {}

  bool connected() const { return port_ != nullptr; }
  /// Connected, and not about to leave.
  bool ready() const { return connected() && !leaving_; }
  void connect(Transport transport) { port_ = &around_.ports.open(transport, *this); }
  void leave();
  std::uint64_t post(engine::CommandBody body);

  template <class Choices>
  const auto& any_of(const Choices& choices) {
    return choices[random_.below(choices.size())];
  }

  Surroundings& around_;
  const std::string actor_;
  Random random_;
  bool finishing_ = false;

 private:
  SimPort* port_ = nullptr;
  bool leaving_ = false;
};

/// A message for some exchange, of some size. Its publisher and sequence are the caller's.
Sent draw_message(const Profile& profile, Random& random);

}  // namespace escrow::sim
