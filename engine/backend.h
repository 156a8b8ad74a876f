// What the engine asks of the world: to commit a batch, and to read from the store without waiting. Two implementations:
// threads (engine/engine_thread.h) and the simulator.
#pragma once

#include <functional>
#include <memory>

#include "broker/core/fragment.h"
#include "storage/store.h"

namespace escrow::engine {

class Backend {
 public:
  virtual ~Backend() = default;

  /// Commits and syncs `batch`, which stays unchanged until Engine::committed. One at a time. `lone`: nothing else waits,
  /// so that it pays to do it on the spot. True: it is done, and Engine::committed is not called for it.
  virtual bool commit(const WriteSet& batch, bool lone) = 0;

  /// Writes bodies before the batch that refers to them is committed, in order, without a sync of its own.
  virtual void write_ahead(std::shared_ptr<const WriteSet> bodies) = 0;

  /// What a read found, to be applied on the engine's thread.
  using Completion = std::function<void()>;
  /// Runs `read` on some thread and its completion on the engine's, in any order.
  virtual void read(std::function<Completion(const Store&)> read) = 0;

  /// Answers only from memory; see Store::get_cached.
  virtual CachedRead get_cached(Table table, std::string_view key, std::string& value) = 0;
};

}  // namespace escrow::engine
