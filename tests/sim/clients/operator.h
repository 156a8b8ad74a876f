// Ends transactions that are in doubt.
#pragma once

#include "tests/sim/clients/client.h"

namespace escrow::sim {

class Operator final : public Client {
 public:
  using Client::Client;

  void act() override;

 private:
  void end(const model::History& history);
};

}  // namespace escrow::sim
