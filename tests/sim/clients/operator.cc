#include "tests/sim/clients/operator.h"

namespace escrow::sim {

void Operator::act() {
  if (!random_.chance(finishing_ ? 0.5 : 0.05)) return;
  if (!connected()) connect(Transport::kUnary);
  if (!ready()) return;
  for (const auto& [key, history] : around_.model.transactions().in_doubt()) {
    if (random_.chance(0.5)) end(*history);
  }
}

void Operator::end(const model::History& history) {
  coordinator::Decide decision{history.key, random_.chance(0.5), 0, "an operator looked", {}};
  if (random_.chance(0.3)) decision.epoch = history.current()->epoch;
  // Without a reason it is refused, unless the epoch is given.
  if (!finishing_ && random_.chance(0.2)) decision.reason.clear();
  post(std::move(decision));
}

}  // namespace escrow::sim
