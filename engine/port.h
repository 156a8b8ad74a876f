// A Port is where effects leave the engine: one for each connection or stream that sends commands.
//
// Owned by whoever made it. The engine keeps a pointer from the first command until closed(), its last call; the owner
// keeps the port alive until then. All calls come from whoever runs the engine (engine_thread.h), one at a time, in the order of their causes, and only after
// the batch that caused them is durable. They must not block.
#pragma once

#include <cstdint>

#include "engine/command.h"

namespace escrow::engine {

class Port {
 public:
  virtual ~Port() = default;

  virtual void reply(std::uint64_t request, Result<Reply> reply) = 0;
  virtual void deliver(const broker::Delivery& delivery) = 0;
  /// The consumer's queue was deleted; nothing more comes for it.
  virtual void consumer_cancelled(broker::ConsumerId consumer) = 0;
  virtual void check(const Check& check) = 0;
  /// End of a turn in which one of the above was called: the time to write what they gathered.
  virtual void flush() = 0;
  /// The answer to ClosePort. The port may delete itself in it.
  virtual void closed() = 0;

 private:
  friend class Engine;
  friend class Outbox;
  std::uint64_t last_after_ = 0;  // the batch that the latest effect waits for: later ones do not overtake it
  bool to_flush_ = false;
  std::uint32_t unanswered_ = 0;
  bool closing_ = false;  // closed() follows the last answer
};

}  // namespace escrow::engine
