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
#include "tests/sim/model/delays.h"
#include "tests/sim/model/form.h"
#include "tests/sim/model/journal.h"
#include "tests/sim/model/stored.h"
#include "tests/sim/model/topology.h"
#include "tests/sim/present.h"
#include "tests/sim/verdict.h"

namespace escrow::sim::model {

inline constexpr BatchNumber kUnknownBatch = std::numeric_limits<BatchNumber>::max();
/// Whose messages come in no order of their own: they were sent on by the server.
inline constexpr std::uint32_t kNoPublisher = kNone;

struct Copy {
  enum class State : std::uint8_t {
    kClaimed,   ///< published, but nobody was told so
    kCertain,   ///< it exists: the publisher was told, the ledger says so, or somebody saw it
    kDoubtful,  ///< a purge may have taken it
    kGone,
  };
  State state = State::kClaimed;
  bool seen = false;         ///< delivered to somebody
  bool survivor = false;     ///< of a crash: may come flagged redelivered though nobody saw it
  bool transient = false;    ///< a crash may take it
  bool stored = false;       ///< in its queue on disk
  bool may_be_gone = false;  ///< it may have died before a batch had it
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

  std::uint32_t changed = kNone;      ///< number of its form, if that is not as it was sent
  Timestamp entered;                  ///< the queue, at the earliest
  std::optional<Duration> lifetime;   ///< in its queue, by its own expiration
  std::optional<DeathReason> doomed;  ///< given back or rejected so that it has to die
  /// A transient message that outlived the server: its own time is looked at when it comes to the head of its queue.
  bool expires_at_head = false;

  /// It expires wherever it stands.
  bool expires() const { return queue->rules.ttl || (lifetime && !expires_at_head); }
  /// When it may expire. nullopt: never.
  std::optional<Timestamp> end() const {
    std::optional<Duration> least = queue->rules.ttl;
    if (lifetime && (!least || *lifetime < *least)) least = lifetime;
    return least ? std::optional(entered + *least) : std::nullopt;
  }
  /// It may go though nobody takes it.
  bool mortal() const { return lifetime.has_value() || queue->rules.mortal(); }
};

class Copies {
 public:
  Copies(Verdict& verdict, const Catalog& catalog, const Present& present, Delays& delays)
      : verdict_(verdict), catalog_(catalog), present_(present), delays_(delays) {}

  // Into queues.
  void published(std::uint64_t request, const engine::Publish& body, const Topology& topology);
  void publish_answered(std::uint64_t request, const engine::Published& answer, const Topology& topology);
  /// The ledger has the commit, of that time. Goes to `parked` what has no queue; true: something did.
  bool committed(const Content& content, Timestamp when, const Topology& topology, Queue* parked);

  // Out of queues. `holder` is the model's number of the consumer.
  /// kNone: it must not have been delivered.
  CopyId delivered(Token token, Queue* queue, broker::Seq place, std::uint32_t holder, bool redelivered,
                   std::uint32_t delivery_count);
  /// To a consumer that is gone already but did not hear of it: the message must exist, nothing more.
  CopyId delivered_too_late(Token token, Queue* queue, broker::Seq place);
  /// That is how it has to look.
  void check_content(CopyId id, const MessageView& message) const;
  void acked(CopyId id, BatchNumber batch);
  void rejected(CopyId id, BatchNumber batch);
  /// True: it is ready again.
  bool returned(CopyId id, BatchNumber batch);

  // On disk (copies_stored.cc).
  /// A batch brought a message. kNone: none that was expected.
  CopyId arrived(const Arrival& arrival, const Window& when);
  /// A batch brought a message that the server has sent on, in this form.
  CopyId arrived_on(const Arrival& arrival, Form form, const Window& when);
  /// It left its queue, and that is explained.
  void left(CopyId id) { copies_[id].state = Copy::State::kGone; }
  /// What has to be on disk with this batch or the next ones, and may have died instead.
  std::vector<CopyId> expected();
  void may_be_gone(CopyId id) { copies_[id].may_be_gone = true; }
  /// Of what the ledger told of since the last call, all is on disk, or went in the same batch.
  void check_committed();
  /// How many may be in the queue and were not written.
  std::size_t unwritten(const Queue* queue) const;
  Form form(const Copy& copy) const;
  CopyId first_of(Token token) { return message(token).first; }
  /// Nothing is in a queue that has a time, which is over for all, and nothing is beyond the queue's limits.
  void check_overdue() const;
  /// Some have a time that is not over.
  bool some_expire() const;

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
  /// What a message became on its way.
  struct Changed {
    Form form;
    std::shared_ptr<const Message> shown;  ///< without body
  };
  struct OpenPublish {
    Token first = 0;
    std::uint32_t count = 0;
    std::uint64_t exchanges_deleted = 0;  ///< until then
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
  Copy& add(Token token, Queue* queue, Timestamp entered);
  void doubt_purged(Copy& copy);
  CopyId find(Token token, const Queue* queue, broker::Seq place) const;
  bool exists(Token token, const Queue* queue) const;
  Places& places(const Copy& copy);
  bool fits(const Copy& copy, broker::Seq place) const;
  void learn_place(Copy& copy, broker::Seq place);
  void check_flags(Copy& copy, bool redelivered, std::uint32_t delivery_count);
  void check_taken(CopyId id, bool refused);
  void store(Copy& copy, const Arrival& arrival, const Window& when);
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
  Delays& delays_;
  std::vector<MessageState> messages_;  // by token
  std::vector<Copy> copies_;
  std::vector<CopyId> live_;  // not gone at the last crash, and all that came since
  std::unordered_map<std::uint64_t, OpenPublish> open_publishes_;
  std::uint64_t commits_ = 0;      // the order of committed messages
  std::vector<CopyId> expected_;   // in queues where they may die
  std::vector<CopyId> committed_;  // by the batch that is looked at
  std::vector<Changed> changed_;
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
