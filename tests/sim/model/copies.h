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
  bool seen = false;       ///< delivered to somebody
  bool survivor = false;   ///< of a crash: may come flagged redelivered though nobody saw it
  bool transient = false;  ///< a crash may take it
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

  broker::Seq place = 0;        ///< in the queue; 0: nobody saw it there yet
  std::uint32_t purged_by = 0;  ///< kDoubtful: the purge that takes it, if any does; 0: nobody can say
  CopyId next = kNone;          ///< of the same message
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
  CopyId delivered(Token token, Queue* queue, broker::Seq place, std::uint32_t holder, bool redelivered,
                   std::uint32_t delivery_count);
  /// To a consumer that is gone already but did not hear of it: the message must exist, nothing more.
  void delivered_too_late(Token token, Queue* queue, broker::Seq place);
  void acked(CopyId id, BatchNumber batch);
  void returned(CopyId id, BatchNumber batch);

  // Purges.
  /// Returns its number in the queue.
  std::uint32_t purge_started(Queue* queue);
  /// `undisturbed`: no consumer was there from start to end.
  void purge_answered(Queue* queue, std::uint32_t purge, bool undisturbed);

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
    std::vector<broker::Seq> place;  ///< 0: it is not there
    std::vector<std::uint32_t> delivery_count;
  };
  /// The places that are known of one publisher's messages in one queue, ascending.
  struct Place {
    broker::Seq place = 0;
    std::uint64_t order = 0;
  };
  using Places = std::vector<Place>;

  MessageState& message(Token token);
  Copy& add(Token token, Queue* queue);
  void doubt_purged(Copy& copy);
  CopyId find(Token token, const Queue* queue, broker::Seq place) const;
  bool exists(Token token, const Queue* queue) const;
  Places& places(const Copy& copy);
  bool fits(const Copy& copy, broker::Seq place) const;
  void learn_place(Copy& copy, broker::Seq place);
  void check_flags(Copy& copy, bool redelivered, std::uint32_t delivery_count);
  Found match(const Stored& stored, const Topology& durable);
  CopyId find_unmatched(Token token, const Queue* queue, broker::Seq place, std::uint64_t last_order,
                        const Found& found) const;
  CopyId prefer_required(CopyId matched, Found& found) const;
  void match(const StoredQueue& stored, const Queue* queue, Found& found);
  static bool is_required(const Copy& copy);
  void check_whole(const OpenPublish& publish, const Found& found) const;
  void settle_after_crash(Copy& copy, broker::Seq place, std::uint32_t delivery_count, BatchNumber recovered);
  bool is_left(const Copy& copy) const;

  Verdict& verdict_;
  const Catalog& catalog_;
  const Present& present_;
  std::vector<MessageState> messages_;  // by token
  std::vector<Copy> copies_;
  std::vector<CopyId> live_;  // not gone at the last crash, and all that came since
  std::unordered_map<std::uint64_t, OpenPublish> open_publishes_;
  std::uint64_t commits_ = 0;                                      // the order of committed messages
  std::vector<std::unordered_map<std::uint32_t, Places>> places_;  // by queue, by publisher
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
