// What anyone can see of the running engine: its time, which batch is being built, which one is on disk.
#pragma once

#include "engine/engine.h"

namespace escrow::sim {

struct Present {
  const engine::Engine* engine = nullptr;
  /// The last batch that the store has synced, by the store's own word.
  broker::BatchNumber synced = 0;

  Timestamp now() const { return engine->now(); }
  /// What is applied now rides in this batch.
  broker::BatchNumber building() const { return engine->last_sealed() + 1; }
};

}  // namespace escrow::sim
