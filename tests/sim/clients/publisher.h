// Publishes to all kinds of exchanges, several messages at once, several publishes on their way.
#pragma once

#include "tests/sim/clients/client.h"

namespace escrow::sim {

class Publisher final : public Client {
 public:
  using Client::Client;

  void act() override;
  void on_reply(std::uint64_t request, const Result<engine::Reply>& reply) override;

 protected:
  void disconnected() override { unanswered_ = 0; }

 private:
  void publish();

  std::uint32_t publisher_ = 0;  // a new one for each connection: nothing is promised across them
  std::uint32_t sequence_ = 0;
  std::uint32_t unanswered_ = 0;
};

}  // namespace escrow::sim
