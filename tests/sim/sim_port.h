// A client's end of a connection: what comes out of the engine goes to the model, which judges it, then to the client.
#pragma once

#include <cstdint>
#include <deque>

#include "engine/port.h"
#include "tests/sim/model/model.h"

namespace escrow::sim {

/// What a client hears.
class PortListener {
 public:
  virtual ~PortListener() = default;
  virtual void on_reply(std::uint64_t request, const Result<engine::Reply>& reply) = 0;
  virtual void on_delivery(const broker::Delivery& delivery) = 0;
  virtual void on_cancelled(broker::ConsumerId consumer) = 0;
  virtual void on_check(const engine::Check& check) = 0;
  /// The connection is over, because the client wanted so.
  virtual void on_closed() = 0;
};

/// How commands of a port travel.
enum class Transport : std::uint8_t {
  kStream,  ///< in order
  kUnary,   ///< each by itself: they overtake each other, and may arrive twice
};

class SimPort final : public engine::Port {
 public:
  /// `effects_left`: of all ports together; then the process has died in the middle of handing them out, though the engine
  /// does not know.
  SimPort(model::PortNumber number, Transport transport, model::Model& model, Verdict& verdict, PortListener& listener,
          std::uint64_t& effects_left)
      : number_(number),
        transport_(transport),
        model_(model),
        verdict_(verdict),
        listener_(&listener),
        effects_left_(effects_left) {}

  model::PortNumber number() const { return number_; }
  Transport transport() const { return transport_; }

  /// The process behind it is gone: the engine must not touch it any more, and the client does not listen.
  void kill() { dead_ = true; }
  bool dead() const { return dead_; }

  void reply(std::uint64_t request, Result<engine::Reply> reply) override;
  void deliver(const broker::Delivery& delivery) override;
  void consumer_cancelled(broker::ConsumerId consumer) override;
  void check(const engine::Check& check) override;
  void flush() override;
  void closed() override;

 private:
  friend class Network;
  bool alive();

  model::PortNumber number_;
  Transport transport_;
  model::Model& model_;
  Verdict& verdict_;
  PortListener* listener_;
  std::uint64_t& effects_left_;
  bool dead_ = false;
  bool unflushed_ = false;

  // The network's.
  std::deque<engine::Command> on_the_way_;
  std::size_t delayed_ = 0;  ///< commands that take a detour
  bool closing_ = false;     ///< ClosePort follows when all else has arrived
  bool busy_ = false;        ///< has something on the way
};

}  // namespace escrow::sim
