// A queue: its lanes of messages, and who consumes from them.
//
// Ready messages are delivered by priority, then in order of sequence; what came back takes its old place. Consumers take
// turns, those with a higher priority first (https://www.rabbitmq.com/docs/consumer-priority). What is over the queue's
// limits dies at the head or is refused at the tail (https://www.rabbitmq.com/docs/maxlength). A message that expires dies
// where it stands, at the earlier of its own time and the queue's (https://www.rabbitmq.com/docs/ttl).
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/ring.h"
#include "broker/core/body_cache.h"
#include "broker/core/client.h"
#include "broker/core/delivery.h"
#include "broker/core/lane.h"
#include "broker/core/policy.h"
#include "broker/core/queue_arguments.h"
#include "model/field_table.h"

namespace escrow::broker {

struct QueueSpec {
  std::string vhost;
  std::string name;
  FieldTable arguments;
  bool durable = true;
  bool auto_delete = false;    ///< goes with its last consumer
  ConnectionId exclusive = 0;  ///< not 0: for this connection alone, and goes with it; never durable

  /// Otherwise it lives as long as the server at most, and in memory as far as there is room.
  bool stored() const { return durable && exclusive == 0; }
  bool operator==(const QueueSpec&) const = default;
};

/// Where a message is in a queue.
struct MessagePlace {
  LogId log = 0;
  Seq seq = 0;
  auto operator<=>(const MessagePlace&) const = default;
};

/// What the queue wants done; filled by its methods, emptied by the caller.
struct QueueEffects {
  std::vector<Delivery> deliveries;
  std::vector<Fetched> fetched;
  std::vector<QueueLog::LoadRequest> loads;
  std::vector<BodyRef> body_loads;
  /// Gone from a queue that does not drop such messages: where they belong, they have to go in the same batch.
  struct Dead {
    LogId log = 0;
    std::shared_ptr<const Fragment> fragment;
    std::uint32_t index = 0;
    DeathReason reason = DeathReason::kRejected;
    std::string failure;  ///< what the consumer gave as its reason
  };
  std::vector<Dead> dead;
};

class Queue {
 public:
  static constexpr std::size_t kMaxStep = Lane::kMaxStep;
  /// Dead letters of one step: each is a message to publish.
  static constexpr std::size_t kMaxDead = 250;

  /// Has the logs [first_log, first_log + lanes_of(arguments)).
  Queue(QueueSpec spec, QueueArguments arguments, LogId first_log, PageCache& pages, BodyCache& bodies);
  static std::size_t lanes_of(const QueueArguments& arguments) { return arguments.max_priority + std::size_t{1}; }

  const QueueSpec& spec() const { return spec_; }
  /// Those of its declaration with what its policy makes of them.
  const QueueArguments& arguments() const { return arguments_; }
  /// Of its declaration alone: never changes.
  const std::optional<std::int64_t>& declared_ttl_ms() const { return declared_ttl_ms_; }
  /// nullptr: none.
  const std::shared_ptr<const AppliedPolicy>& policy() const { return policy_; }
  /// Type, priorities and single active consumer are as they were.
  void apply(std::shared_ptr<const AppliedPolicy> policy, QueueArguments effective);
  std::size_t lanes() const { return lanes_.size(); }
  Lane& lane(std::size_t i) { return lanes_[i]; }
  const Lane& lane(std::size_t i) const { return lanes_[i]; }
  LogId first_log() const { return lanes_.front().log().id(); }
  QueueLog& log(std::size_t i = 0) { return lanes_[i].log(); }
  const QueueLog& log(std::size_t i = 0) const { return lanes_[i].log(); }
  bool log_changed() const;

  std::uint64_t live() const;
  std::uint64_t ready() const;
  std::uint64_t unacked() const;
  const std::vector<Consumer*>& consumers() const { return consumers_; }

  /// A message with such a body would be over the limits, and they refuse: the publisher gets a negative confirm.
  bool refuses(std::size_t body_bytes) const {
    return arguments_.overflow != Overflow::kDropHead && over_limits_with(1, body_bytes);
  }
  /// `message` is what `record` encodes. Tells where it is.
  MessagePlace enqueue(std::string_view record, const MessageView& message, bool persistent, std::uint8_t priority,
                       const Moment& moment);
  /// As of its log.
  bool persists(const MessagePlace& place) const { return lanes_[place.log - first_log()].log().persists(place.seq); }

  void add(Consumer* consumer);
  void grant(Consumer& consumer, std::uint32_t credit);
  /// No more deliveries to it. What its channel holds stays there.
  void remove(Consumer* consumer);
  /// Lists the consumer for deliveries, or where it waits for what it lacks.
  void offer(Consumer& consumer);
  /// With single active consumers: the one. nullptr: there is none, or all are active.
  const Consumer* active() const { return active_; }

  /// The next ready message goes to the channel as soon as it can be read, or the answer is that there is none. With
  /// `no_ack` it is settled.
  void fetch(Channel* channel, bool no_ack, std::uint64_t request) {
    ++channel->fetches;
    fetches_.push_back({channel, no_ack, request});
  }
  /// Those of the channel, or all of them: returns what is to be answered.
  std::vector<std::uint64_t> forget_fetches(const Channel* channel = nullptr);

  /// There may be something to do for dispatch.
  bool wants_dispatch() const {
    return !consumers_.empty() || !fetches_.empty() || drops_head() || waits_to_die() ||
           (arguments_.message_ttl_ms && (!expiry_at || heads_unseen_));
  }
  /// Gives ready messages to whoever may be given some, and lets die what has expired or is over the limits. True: stopped
  /// at kMaxStep or kMaxDead, there is more to do.
  bool dispatch(const Moment& moment, QueueEffects& effects);
  /// When the queue's own time for messages is over for the next one, as far as the last dispatch knows.
  std::optional<Timestamp> next_expiry() const { return next_expiry_; }

  /// Settles what was delivered. `failure`: what the consumer gives as the reason for refusing it.
  void settle(std::size_t lane, const Outstanding& entry, Settlement settlement, Timestamp now, QueueEffects& effects,
              std::string_view failure = {});
  /// The message's own time is over.
  enum class Expired : std::uint8_t {
    kGone,   ///< it was already
    kDied,   ///< it is gone now
    kHeld,   ///< it was delivered: dies when it comes back
    kLater,  ///< it has to be read first, which is asked for, or to be offered to consumers: ask again soon
  };
  Expired expire(std::size_t lane, Seq seq, QueueEffects& effects);
  bool is_condemned(std::size_t lane, Seq seq) const { return lanes_[lane].condemned().contains(seq); }
  /// It was delivered, and is ready again.
  bool came_back(std::size_t lane, Seq seq) const { return lanes_[lane].is_live(seq) && !is_condemned(lane, seq); }
  /// When a message has to leave, by its own time or by the queue's. nullopt: never.
  std::optional<Timestamp> deadline(const Fragment& fragment, std::uint32_t index) const;

  QueueLog::Trimmed purge(std::size_t lane, Seq from, Seq until, std::size_t max_work) {
    return lanes_[lane].purge(from, until, max_work);
  }

  // Whether the queue is in its owner's lists of work.
  bool listed_changed = false;
  bool listed_dispatch = false;
  /// When it is deleted for want of use, if nothing happens until then.
  std::optional<Timestamp> lease_ends;
  /// When it is to be looked at for next_expiry().
  std::optional<Timestamp> expiry_at;
  /// Where those of its messages wait that are to be retried. 0: none was yet.
  LogId retry_log = 0;
  /// Where the idempotency keys are that it has seen. 0: it has seen none yet.
  LogId keys_log = 0;

 private:
  struct Fetch {
    Channel* channel = nullptr;
    bool no_ack = false;
    std::uint64_t request = 0;
  };
  /// A ready message, in memory.
  struct Head {
    std::size_t lane = 0;
    Seq seq = 0;
    QueueLog::Location at;
    BodyCache::Body body;
  };
  enum class Found : std::uint8_t { kMessage, kExpired, kNone, kLoading };

  bool over_limits_with(std::uint64_t more_messages, std::uint64_t more_bytes) const;
  bool drops_head() const { return arguments_.overflow == Overflow::kDropHead && over_limits_with(0, 0); }
  std::uint64_t ready_bytes() const;
  Consumer* next_taker();
  void rotate();
  Found find_head(std::size_t lane, bool with_body, Timestamp now, Head& head, QueueEffects& effects);
  Found find_next(Timestamp now, Head& head, QueueEffects& effects);
  bool drop_head(Timestamp now, QueueEffects& effects);
  bool expired(const Head& head, Timestamp now) const;
  /// True: stopped, there are more.
  bool expire_heads(Timestamp now, QueueEffects& effects);
  bool waits_to_die() const {
    return std::ranges::any_of(lanes_, [](const Lane& lane) { return !lane.condemned().empty(); });
  }
  void execute_condemned(QueueEffects& effects);
  /// What dies of this goes somewhere.
  bool keeps_dead(DeathReason reason) const;
  /// To be called before the message is removed from its log. Tells the size of its body.
  std::uint32_t die(std::size_t lane, const QueueLog::Location& at, DeathReason reason, QueueEffects& effects,
                    std::string_view failure = {});
  /// In memory, or nothing is kept of it.
  void die_ready(std::size_t lane, Seq seq, const QueueLog::Location& at, DeathReason reason, QueueEffects& effects);
  void die_taken(std::size_t lane, const Outstanding& entry, DeathReason reason, QueueEffects& effects,
                 std::string_view failure = {});
  Delivery take(const Head& head, Channel& channel, Consumer* consumer, bool no_ack, BatchNumber batch);
  void deliver(Consumer& consumer, const Head& head, BatchNumber batch, QueueEffects& effects);
  void answer(const Head& head, BatchNumber batch, QueueEffects& effects);
  bool may_be_active(const Consumer& consumer) const {
    return !arguments_.single_active_consumer || active_ == &consumer;
  }
  void activate_next();
  bool fetch_body(const QueueLog::Location& at, BodyCache::Body& body, QueueEffects& effects);
  void load(std::size_t lane, Seq page, QueueEffects& effects);

  QueueSpec spec_;
  QueueArguments arguments_;
  std::optional<std::int64_t> declared_ttl_ms_;
  std::shared_ptr<const AppliedPolicy> policy_;
  std::deque<Lane> lanes_;  // by priority; they do not move
  BodyCache& bodies_;
  std::uint64_t unacked_bytes_ = 0;
  std::vector<Consumer*> consumers_;  // in the order in which they came
  Consumer* active_ = nullptr;
  /// Who may be given more, by priority. No ring is empty for long.
  std::map<std::int32_t, Ring<Consumer*>, std::greater<>> takers_;
  std::deque<Fetch> fetches_;
  std::optional<Timestamp> next_expiry_;
  bool heads_unseen_ = true;  // there may be an earlier one than next_expiry_ told
};

}  // namespace escrow::broker
