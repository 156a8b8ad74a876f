// A queue: its log, and who consumes from it.
//
// Ready messages are delivered in order of sequence; what came back takes its old place, in front of what follows it.
// Consumers with credit take turns.
#pragma once

#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/ring.h"
#include "broker/core/body_cache.h"
#include "broker/core/queue_log.h"
#include "model/field_table.h"

namespace escrow::broker {

class Queue;

/// Names a client's connection for as long as it exists; never reused.
using ConnectionId = std::uint64_t;

struct QueueSpec {
  std::string vhost;
  std::string name;
  FieldTable arguments;
  bool durable = true;
  bool auto_delete = false;    ///< goes with its last consumer
  ConnectionId exclusive = 0;  ///< not 0: for this connection alone, and goes with it; never durable

  bool operator==(const QueueSpec&) const = default;
};

/// Names a consumer for as long as it exists; never reused.
using ConsumerId = std::uint64_t;
/// Counts a consumer's deliveries from 1.
using DeliveryTag = std::uint64_t;

enum class Settlement : std::uint8_t {
  kAck,      ///< done, the message is gone
  kReject,   ///< cannot be processed, the message is dropped
  kRequeue,  ///< back to its place, counted
};

/// Deliveries in a row to one consumer: messages [first_index, first_index + count) of one fragment.
struct Delivery {
  ConsumerId consumer = 0;
  DeliveryTag first_tag = 0;
  std::shared_ptr<const Fragment> fragment;
  std::uint32_t first_index = 0;
  std::uint32_t count = 0;
  bool redelivered = false;
  std::uint32_t delivery_count = 0;
  BatchNumber after = 0;                    ///< must be durable first
  std::shared_ptr<const std::string> body;  ///< set when it is apart; then count is 1

  /// What a message takes of a consumer's bytes. `i` < count.
  std::size_t bytes(std::uint32_t i) const {
    return fragment->record_bytes(first_index + i) + (body ? body->size() : 0);
  }

  /// `i` < count. Points into this delivery. Without vhost.
  MessageView message(std::uint32_t i) const {
    MessageView view = fragment->record(first_index + i).message;
    if (body) view.body = *body;
    return view;
  }
};

/// What the queue wants done; filled by its methods, emptied by the caller.
struct QueueEffects {
  std::vector<Delivery> deliveries;
  std::vector<QueueLog::LoadRequest> loads;
  std::vector<BodyRef> body_loads;
};

/// Bytes that never run out.
inline constexpr std::int64_t kUnlimitedBytes = std::numeric_limits<std::int64_t>::max();

/// What a consumer holds at most, from the oldest that is not settled on: what was settled behind it counts, too.
inline constexpr std::size_t kMaxOutstanding = 65'535;

struct Consumer {
  ConsumerId id = 0;
  Queue* queue = nullptr;
  std::uint32_t credit = 0;
  /// Records and bodies that it may be given. The last message may be larger than what is left.
  std::int64_t bytes = 0;
  bool auto_credit = false;  ///< a settled message grants one more
  bool cancelled = false;
  bool listed = false;  ///< among the queue's consumers that may be given more
  DeliveryTag next_tag = 1;

  struct Outstanding {
    Seq seq = 0;            ///< 0: settled
    std::uint32_t run = 0;  ///< if settled: at least so many are, from here on
  };
  Ring<Outstanding> outstanding;  ///< tags [next_tag - size, next_tag)

  bool may_be_given() const { return credit > 0 && bytes > 0 && outstanding.size() < kMaxOutstanding; }
};

class Queue {
 public:
  /// Messages that one call touches at most; what is left is done by the next call.
  static constexpr std::size_t kMaxStep = 1000;

  Queue(QueueSpec spec, LogId log, PageCache& pages, BodyCache& bodies)
      : spec_(std::move(spec)), log_(log, pages), bodies_(bodies) {}

  const QueueSpec& spec() const { return spec_; }
  QueueLog& log() { return log_; }
  const QueueLog& log() const { return log_; }
  std::uint64_t ready() const { return log_.live() - unacked_; }
  std::uint64_t unacked() const { return unacked_; }
  const std::vector<Consumer*>& consumers() const { return consumers_; }

  void enqueue(std::string_view record, BodyRef body, Timestamp now, BatchNumber batch) {
    log_.append(record, body, now, batch);
  }

  void add(Consumer* consumer);
  void grant(Consumer& consumer, std::uint32_t credit, std::int64_t bytes);
  /// No more deliveries to it. What it holds comes back by `abandon`.
  void remove(Consumer* consumer);

  /// Gives ready messages to consumers that may be given some. True: stopped at kMaxStep, there is more to do.
  bool dispatch(BatchNumber batch, QueueEffects& effects);

  /// Settles the tags in [first, last] that are not settled yet; looks at most at kMaxStep of them.
  struct Settled {
    std::size_t messages = 0;
    DeliveryTag next = 0;  ///< everything before it is settled; beyond `last` when that is all
  };
  Settled settle(Consumer& consumer, DeliveryTag first, DeliveryTag last, Settlement settlement);
  /// Returns up to kMaxStep messages of a removed consumer, each counted as a failed delivery. True: there are more.
  bool abandon(Consumer& consumer);

  /// One step of a purge of the ready messages in [from, until): at most kMaxStep that came back, then at most
  /// `max_work` as QueueLog::trim counts it.
  QueueLog::Trimmed purge(Seq from, Seq until, std::size_t max_work);

  /// After recovery: delivery starts at the first message that is left.
  void rewind() { cursor_ = log_.first_live(1); }

  // Whether the queue is in its owner's lists of work.
  bool listed_changed = false;
  bool listed_dispatch = false;

 private:
  void deliver(Consumer& consumer, Seq seq, const QueueLog::Location& at, BodyCache::Body body, BatchNumber batch,
               QueueEffects& effects);
  /// False: the body is apart and not in memory; its load is asked for.
  bool fetch_body(const QueueLog::Location& at, BodyCache::Body& body, QueueEffects& effects);
  void give_back(Seq seq);
  void load(Seq page, QueueEffects& effects);
  /// Lists it if it may be given more.
  void offer(Consumer& consumer);

  QueueSpec spec_;
  QueueLog log_;
  BodyCache& bodies_;
  std::set<Seq> returned_;  // ready again, all before cursor_
  Seq cursor_ = 1;          // the next that was never given out since the start
  std::uint64_t unacked_ = 0;
  std::vector<Consumer*> consumers_;
  Ring<Consumer*> takers_;  // may be given more; nullptr: removed meanwhile
};

}  // namespace escrow::broker
