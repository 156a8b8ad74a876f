// What anyone can see of the running engine: its time, which batch is being built, which one is on disk.
#pragma once

#include <deque>

#include "engine/engine.h"

namespace escrow::sim {

struct Present {
  /// An effect waits for a batch that is on its way or being built when it is made: it is not older than this many batches.
  static constexpr std::size_t kBatchesOnTheWay = 3;

  const engine::Engine* engine = nullptr;
  /// The last batch that the store has synced, by the store's own word.
  broker::BatchNumber synced = 0;

  /// Engine times of the batches that were sealed last, in this life of the server.
  std::deque<Timestamp> sealed;

  Timestamp now() const { return engine->now(); }
  /// What is applied now rides in this batch.
  broker::BatchNumber building() const { return engine->last_sealed() + 1; }

  void batch_sealed(Timestamp at) {
    sealed.push_back(at);
    if (sealed.size() > kBatchesOnTheWay) sealed.pop_front();
  }
  /// An effect that arrives now was not made before.
  Timestamp effects_since() const { return sealed.empty() ? now() : sealed.front(); }
};

}  // namespace escrow::sim
