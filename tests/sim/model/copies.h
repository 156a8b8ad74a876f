// Every copy of a message in a queue, and what may and must become of it.
#pragma once

#include <cstdint>
#include <limits>
#include <ostream>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/command.h"
#include "tests/sim/catalog.h"
#include "tests/sim/model/stored.h"
#include "tests/sim/model/topology.h"
#include "tests/sim/present.h"
#include "tests/sim/verdict.h"

namespace escrow::sim::model {

using CopyId = std::uint32_t;
using broker::BatchNumber;

inline constexpr BatchNumber kUnknownBatch = std::numeric_limits<BatchNumber>::max();

struct Copy {
  enum class State : std::uint8_t {
    kClaimed,   ///< published, but nobody was told so
    kCertain,   ///< it exists: the publisher was told, the ledger says so, or somebody saw it
    kDoubtful,  ///< a purge may have taken it
    kGone,
  };
  State state = State::kClaimed;
  bool seen = false;      ///< delivered to somebody
  bool survivor = false;  ///< of a crash: may come flagged redelivered though nobody saw it
  Token token = 0;
  Queue* queue = nullptr;
  std::uint32_t publisher = 0;
  std::uint32_t holder = kNone;  ///< the consumer that has it
  std::uint64_t order = 0;       ///< among those of its publisher
  BatchNumber batch = 0;         ///< of a publish; 0: durable
  BatchNumber acked_in = 0;      ///< 0: it was not

  // How often it came back. `ended` of the queue when that was last known tells how much more it can be.
  std::uint32_t returned = 0;
  std::uint32_t returned_durably = 0;
  BatchNumber returned_in = 0;
  std::uint32_t ended_seen = 0;

  CopyId next = kNone;  ///< of the same message
};

class Copies {
 public:
  Copies(Verdict& verdict, const Catalog& catalog, const Present& present)
      : verdict_(verdict), catalog_(catalog), present_(present) {}

  // Into queues.
  void published(std::uint64_t request, const engine::Publish& body, const Topology& topology);
  void publish_answered(std::uint64_t request, const engine::Published& answer);
  /// The ledger has the commit. Goes to `parked` what has no queue; true: something did.
  bool committed(const Content& content, const Topology& topology, Queue* parked);

  // Out of queues. `holder` is the model's number of the consumer.
  /// kNone: it must not have been delivered.
  CopyId delivered(Token token, Queue* queue, std::uint32_t holder, bool redelivered, std::uint32_t delivery_count);
  /// To a consumer that is gone already but did not hear of it: the message must exist, nothing more.
  void delivered_too_late(Token token, Queue* queue);
  void acked(CopyId id, BatchNumber batch);
  void returned(CopyId id, BatchNumber batch);

  // Purges.
  void purge_started(Queue* queue);
  /// `undisturbed`: no consumer was there from start to end.
  void purge_answered(Queue* queue, bool undisturbed);

  /// Compares with what is on disk after a crash, which settles all that was open.
  void crashed(const Stored& stored, const Topology& durable);

  const Copy& operator[](CopyId id) const { return copies_[id]; }
  /// Those that still have to be delivered and acknowledged.
  std::size_t left() const;
  /// One of them in words; empty: there is none.
  std::string example_left() const;

 private:
  struct MessageState {
    std::int32_t queues = 0;  ///< that must take it; -1: its exchange is not there
    CopyId first = kNone;
  };
  struct OpenPublish {
    Token first = 0;
    std::uint32_t count = 0;
  };
  /// What was found of the copies on disk.
  struct Found {
    std::vector<std::uint8_t> present;
    std::vector<std::uint32_t> delivery_count;
  };

  MessageState& message(Token token);
  Copy& add(Token token, Queue* queue);
  CopyId find(Token token, const Queue* queue) const;
  bool exists(Token token, const Queue* queue) const;
  void check_flags(Copy& copy, bool redelivered, std::uint32_t delivery_count);
  Found match(const Stored& stored, const Topology& durable);
  CopyId find_unmatched(Token token, const Queue* queue, const Found& found) const;
  void check_whole(const OpenPublish& publish, const Found& found) const;
  void settle_after_crash(Copy& copy, bool present, std::uint32_t delivery_count, BatchNumber recovered);
  bool is_left(const Copy& copy) const;

  Verdict& verdict_;
  const Catalog& catalog_;
  const Present& present_;
  std::vector<MessageState> messages_;  // by token
  std::vector<Copy> copies_;
  std::vector<CopyId> live_;  // not gone at the last crash, and all that came since
  std::unordered_map<std::uint64_t, OpenPublish> open_publishes_;
  std::uint64_t commits_ = 0;  // the order of committed messages
  std::vector<Queue*> route_;
};

/// For error messages: costs nothing until it is written.
struct Description {
  const Copy& copy;
  const Catalog& catalog;
};
inline Description describe(const Copy& copy, const Catalog& catalog) { return {copy, catalog}; }
std::ostream& operator<<(std::ostream& out, const Description& description);

}  // namespace escrow::sim::model
