// The broker: its commands are the methods, its state is the topology and the queues, its effects are collected and
// taken by the engine after each command. Pure: no clock, no I/O, no randomness; one thread.
//
// Whatever is not bounded by the command itself (a purge, the messages of a lost consumer, a long dispatch) is done in
// steps by work().
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "broker/core/command.h"
#include "broker/core/dead_letter_jobs.h"
#include "broker/core/delay_log.h"
#include "broker/core/policies.h"
#include "broker/core/queue.h"
#include "broker/core/seen_keys.h"
#include "broker/core/topology.h"

namespace escrow::broker {

struct BrokerEffects {
  std::vector<Delivery> deliveries;
  std::vector<QueueLog::LoadRequest> loads;
  std::vector<BodyRef> body_loads;
  std::vector<DelayLog::LoadRequest> delay_loads;
  std::vector<Fetched> fetched;
  /// The consumer's queue was deleted.
  std::vector<ConsumerId> cancelled;
  /// Consumers that went with their channel.
  std::vector<ConsumerId> removed;
  /// Queues that went by themselves: with their last consumer, their connection, or for want of use.
  struct Expired {
    QueueSpec spec;
    std::uint64_t messages = 0;
  };
  std::vector<Expired> expired;
  struct PurgeDone {
    std::uint64_t job = 0;
    std::uint64_t messages = 0;
  };
  std::vector<PurgeDone> purges;
  /// A dead letter that an operator has redriven or discarded.
  struct DeadLetterGone {
    std::uint64_t job = 0;
    MessagePlace place;
    std::string to;  ///< for people; empty: discarded
  };
  std::vector<DeadLetterGone> dead_letters_gone;
  struct DeadLettersDone {
    std::uint64_t job = 0;
    Result<DeadLetterAnswer> answer;
  };
  std::vector<DeadLettersDone> dead_letters_done;
  /// Messages of stored queues that expire by themselves: Broker::expire is to be called when they are due, once, even if
  /// the server starts again before that.
  struct Expiration {
    Timestamp due;
    MessagePlace place;
  };
  std::vector<Expiration> expirations;
  /// Of those for which Broker::expire has answered kHeld: it is over with them now.
  std::vector<Expiration> expirations_done;
  /// When messages would have expired that are gone before.
  std::vector<Timestamp> expirations_moot;

  void clear() {
    deliveries.clear(), loads.clear(), body_loads.clear(), delay_loads.clear(), fetched.clear(), cancelled.clear();
    removed.clear();
    dead_letters_gone.clear(), dead_letters_done.clear();
    expired.clear(), purges.clear(), expirations.clear(), expirations_done.clear(), expirations_moot.clear();
  }
};

/// Reason of the error when a full queue refuses a message (https://www.rabbitmq.com/docs/maxlength#overflow-behaviour).
inline constexpr std::string_view kQueueFull = "QUEUE_FULL";

class Broker {
 public:
  /// Credit that a consumer has not used yet.
  static constexpr std::uint32_t kMaxCredit = kMaxOutstanding;
  static constexpr std::size_t kMaxConsumersPerQueue = 10'000;
  /// Pages and large bodies that one step of a purge visits, …
  static constexpr std::size_t kPurgePerStep = 32;
  /// … one step of erasing a deleted queue, …
  static constexpr std::size_t kErasePerStep = 1000;
  /// … and all of them within a batch, for each is an entry of it.
  static constexpr std::size_t kErasePerBatch = 10'000;
  /// Queues that one step retires, of a connection that is gone or for want of use.
  static constexpr std::size_t kRetirePerStep = 1000;
  /// Queues and exchanges to which one step applies policies that have changed, …
  static constexpr std::size_t kPolicyPerStep = 1000;
  /// … and, about, how often it compares a name with a pattern.
  static constexpr std::size_t kMatchesPerStep = 20'000;
  /// A step of dispatch ends when dead letters have taken so much of the batch.
  static constexpr std::size_t kMaxStepBytes = 1 << 20;
  /// Lists, redrives and discards under way.
  static constexpr std::size_t kMaxDeadLetterJobs = 64;

  /// Channels and connections that consumers have for themselves are numbered from here on.
  static constexpr ChannelId kOwnChannels = ChannelId{1} << 63;
  /// Share of the memory that large bodies get.
  static constexpr std::size_t kBodyShare = 4;

  /// `memory_bytes` bounds what queues keep of messages in memory.
  explicit Broker(std::size_t memory_bytes)
      : pages_(memory_bytes - memory_bytes / kBodyShare), bodies_(memory_bytes / kBodyShare) {}

  Topology& topology() { return topology_; }
  const Topology& topology() const { return topology_; }

  Result<void> declare_exchange(const ExchangeSpec& spec);
  /// Returns how many messages it had kept back, which go with it. It is gone at once; what it leaves in the store is
  /// erased by work().
  Result<std::uint64_t> delete_exchange(const DeleteExchange& command);
  Result<QueueInfo> declare_queue(const DeclareQueue& command, const Moment& moment);
  /// Returns how many ready messages went with it. It is gone at once; what it leaves in the store is erased by work().
  Result<std::uint64_t> delete_queue(const DeleteQueue& command, const Moment& moment);
  /// The answer comes as PurgeDone with this job.
  Result<void> purge(const PurgeQueue& command, std::uint64_t job, const Moment& moment);
  QueueInfo info(const Queue& queue) const;
  /// Each is answered as DeadLettersDone with this job: DEAD_LETTER_UNKNOWN if there is no such message. kParkedQueue is
  /// empty while nothing has been parked.
  Result<void> list(const ListDeadLetters& command, std::uint64_t job);
  Result<void> get(const GetDeadLetter& command, std::uint64_t job);
  Result<void> redrive(const RedriveDeadLetters& command, std::uint64_t job);
  Result<void> discard(const DiscardDeadLetters& command, std::uint64_t job);
  /// QUEUE_LOCKED if it is exclusive to another connection.
  Result<Queue*> accessible(std::string_view vhost, std::string_view name, ConnectionId connection);

  /// False: nothing changed. What there is already is looked at again step by step, of which the first one
  /// is done at once.
  Result<bool> set_policy(const Policy& policy, const Moment& moment);
  Result<bool> delete_policy(const DeletePolicy& command, const Moment& moment);
  const Policies& policies() const { return policies_; }

  /// Routes and enqueues. Returns how many queues took it; kQueueFull: one has refused it, the others took it.
  Result<std::uint32_t> publish(const MessageView& message, const Moment& moment);
  /// Where the messages are that wait at a delayed exchange, or to be retried by a queue; 0: there were none yet.
  /// EXCHANGE_NOT_DELAYED when the exchange keeps none back.
  Result<LogId> delay_log(const WaitingPlace& place);
  /// The batch that a read for cancel_waiting has to see.
  BatchNumber rewritten_in(LogId delay_log) const;
  /// As DelayLog::cancel. Tells which are cancelled.
  std::optional<std::vector<std::uint32_t>> cancel_waiting(LogId delay_log, const DelayKey& key,
                                                           std::shared_ptr<const Fragment> stored,
                                                           const std::vector<std::uint32_t>& indices,
                                                           const Moment& moment);
  /// Drops all that wait. It is done at once; what it leaves in the store is erased by work().
  Result<std::uint64_t> purge_waiting(const WaitingPlace& place);

  /// As publish, for what must not get lost: without a queue to go to, it goes to kParkedQueue. Takes over a body that is
  /// apart.
  std::uint32_t publish_committed(const MessageView& message, const Moment& moment);
  /// Of the messages that came into queues since take_changes; large bodies once.
  std::size_t copied_bytes() const { return copied_bytes_; }
  /// What the last publish has left has to be stored, not only when there is no room in memory.
  bool persisted() const { return persisted_; }
  /// Stores the body apart if it is large. The caller owns the reference until publish_committed or drop_body.
  void separate_body(Message& message, const Moment& moment);
  void drop_body(BodyRef body);

  void open_channel(const OpenChannel& command);
  /// Unknown channels and consumers are passed over: their queue may have been deleted meanwhile.
  void close_channel(ChannelId channel, const Moment& moment);
  /// A message's own time is over (BrokerEffects::Expiration).
  Queue::Expired expire(const BrokerEffects::Expiration& expiration, const Moment& moment);
  /// All its channels, and the queues that are exclusive to it.
  void close_connection(ConnectionId connection, const Moment& moment);
  void set_prefetch(ChannelId channel, std::uint32_t messages);

  Result<ConsumerId> consume(const Consume& command);
  /// More messages and bytes. Beyond kMaxCredit: LIMIT_EXCEEDED.
  Result<void> grant(ConsumerId consumer, std::uint32_t credit, std::int64_t bytes = 0);
  void grant_bytes(ConnectionId connection, std::int64_t bytes);
  /// Settles what is not settled of [first, last]. Work beyond a step goes on in work().
  /// `failure`: why the consumer refuses them.
  Result<void> settle(ConsumerId consumer, DeliveryTag first, DeliveryTag last, Settlement settlement,
                      const Moment& moment, std::string failure = {});
  /// DELIVERY_TAG_UNKNOWN unless it is outstanding.
  Result<void> settle(const SettleTag& command, const Moment& moment);
  Result<void> check(const SettleTag& command);
  void cancel(ConsumerId consumer, const Moment& moment);
  /// The answer comes as Fetched with this request.
  Result<void> fetch(const Fetch& command, std::uint64_t request, const Moment& moment);

  /// What a load that was asked for has found; kDataLoss when it is damaged.
  Result<void> load(const QueueLog::LoadRequest& request, std::string_view stored);
  void load(BodyRef body, std::string stored);
  void load(LogId delay_log, DelayLog::Loaded loaded);

  /// Delivers, and does one bounded step of what is under way. True: there is more.
  bool work(const Moment& moment);
  /// When work has something to do, if nothing happens before.
  std::optional<Timestamp> next_due() const;
  BrokerEffects& effects() { return effects_; }

  /// take_changes has something to give.
  bool has_changes() const {
    return !changed_.empty() || !changed_delays_.empty() || !released_.empty() || !erased_logs_.empty() ||
           !changed_keys_.empty() || topology_.has_changes();
  }
  /// Messages beyond the bound leave memory. Between batches.
  void enforce_memory(BatchNumber durable, BatchNumber building);
  std::size_t memory() const { return pages_.bytes() + bodies_.bytes(); }
  /// Times that are remembered for messages that are not stored.
  std::size_t transient_expirations() const { return transient_expirations_.size(); }

  /// Sink as QueueLog::take_changes and DelayLog::take_changes, and topology(TopologyChange), erase_log(LogId), erase_delays(LogId),
  /// put_body(BodyRef, shared bytes), erase_body(BodyRef), erase_keys(LogId), and as SeenKeys::take_changes.
  template <class Sink>
  void take_changes(Sink& sink);

  // Recovery.
  Result<void> recover_topology(std::string_view key, std::string_view value);
  void recover_counters(LogId next_log, std::uint64_t next_body) { next_log_ = next_log, next_body_ = next_body; }
  /// After the topology was recovered: delayed exchanges and what is left of them, whose count is to be recovered.
  std::vector<DelayLog*> recover_delays();
  /// After the topology was recovered: what exchanges and queues have seen, which is to be recovered.
  std::vector<SeenKeys*> recover_keys();
  /// After all pages were recovered: counts the references of shared bodies, finds out which policies apply, begins the
  /// leases of queues anew, and takes up what a crash interrupted.
  void finish_recovery(const Moment& moment);
  LogId next_log() const { return next_log_; }
  std::uint64_t next_body() const { return next_body_; }
  struct LogPlace {
    Queue* queue = nullptr;
    std::size_t lane = 0;
  };
  const std::unordered_map<LogId, LogPlace>& logs() const { return by_log_; }

  std::uint64_t digest() const;

 private:
  struct PurgeJob {
    std::uint64_t job;
    LogId first_log;
    std::vector<Seq> until;  // of each lane
    std::size_t lane;
    Seq position;
    std::uint64_t messages;
  };
  struct Verdict {
    Settlement settlement;
    std::string failure;
  };
  struct SettleJob {
    ChannelId channel;
    DeliveryTag first;
    DeliveryTag last;
    Verdict verdict;
  };

  std::unique_ptr<Queue> make_queue(QueueSpec spec, LogId first_log);
  std::unique_ptr<Queue> make_queue(QueueSpec spec);
  std::uint64_t drop_queue(Queue* queue);
  /// Of a queue that went by itself.
  void retire(Queue* queue);
  bool step_retiring();
  /// Its last consumer may have gone.
  void unused(Queue* queue, const Moment& moment);
  void restart_lease(Queue* queue, const Moment& moment);
  void end_lease(Queue* queue);
  Queue* parked_queue(std::string_view vhost);

  // broker_deaths.cc
  /// Sends what has died in the queue to its dead-letter exchange, or lets it wait for being retried.
  void bury(Queue& from, QueueEffects& effects, const Moment& moment);
  /// Takes over a body that is apart.
  void bury(const Queue& from, MessageView message, const Death& death, const Moment& moment);
  /// The message's own time is remembered, unless the queue's is over before.
  void arm(const Queue& queue, const MessagePlace& place, Timestamp due, Timestamp now);
  void schedule_expiry(Queue* queue);
  void step_expiry(const Moment& moment);
  Queue::Expired expire(const MessagePlace& place, const Moment& moment);
  void step_transient_expirations(const Moment& moment);
  void forget_moot_expirations();
  /// It was settled, or is buried: what was overdue of it is done.
  void expiration_over(const MessagePlace& place);
  void take_queue_effects();

  // broker_deduplication.cc
  struct KeysOwner {
    std::string_view vhost;
    Destination destination;
    LogId& log;
    bool stored;
  };
  static KeysOwner owner(Exchange& exchange);
  static KeysOwner owner(Queue& queue);
  LogId* find_keys_log(const StoredKeys& stored);
  static bool deduplicates(const Router::Found& found);
  /// The message came before.
  bool seen(LogId keys, const std::optional<DeduplicationWindow>& window, std::string_view properties,
            Timestamp now) const;
  /// Together with what was just published.
  void remember(const KeysOwner& owner, const std::optional<DeduplicationWindow>& window, std::string_view properties,
                Timestamp now);
  void forget_keys(const KeysOwner& owner);
  void remember(const std::vector<Queue*>& queues, std::string_view properties, Timestamp now);
  std::vector<Queue*> without_seen(const std::vector<Queue*>& queues, std::string_view properties, Timestamp now) const;
  /// As publish_to, but to nobody who has seen it. Who has it is told among those that took it.
  Result<std::uint32_t> publish_once(const Router::Found& found, const MessageView& seen, const MessageView& sent,
                                     const Moment& moment);
  /// As send.
  void send_once(const Router::Found& found, const MessageView& seen, const MessageView& sent, const Moment& moment);

  // broker_retries.cc
  /// It waits for being delivered again. Takes over a body that is apart. False: its queue does not retry it any more.
  bool retry(Queue& from, Record record, const Death& death, const MessagePlace& place, const Moment& moment);

  // broker_dead_letters.cc
  enum class Progress : std::uint8_t { kMore, kWaits, kDone };
  struct RedriveTarget;
  Result<void> start(DeadLetterJob job, const std::string& vhost, const std::string& queue,
                     std::optional<MessagePlace> from = {});
  bool step_dead_letters(const Moment& moment);
  Progress step(DeadLetterJob& job, const Moment& moment);
  Progress finish(DeadLetterJob& job);
  /// False: something has to be read first.
  bool look(DeadLetterJob& job, Queue& queue, const MessagePlace& place, std::size_t& bytes, const Moment& moment);
  void read_pages(QueueLog& log, Seq page);
  bool read_body(const QueueLog::Location& at, Queue& queue, BodyCache::Body& body);
  /// Redrives or discards a ready message.
  void take_out(DeadLetterJob& job, Queue& queue, const MessagePlace& place, const QueueLog::Location& at,
                const Moment& moment);
  /// False: it cannot, and is counted. `to`: as DeadLetterGone.
  bool redrive(DeadLetterJob& job, const MessageView& message, std::string& to, const Moment& moment);
  RedriveTarget redrive_target(const RedriveTo& to, const MessageView& message);

  // broker_delays.cc
  /// Messages that wait: of a delayed exchange, or of a queue that retries them.
  struct Delays {
    explicit Delays(LogId id) : log(id) {}

    DelayLog log;
    std::string vhost;
    std::string exchange;
    LogId queue = 0;         ///< its first log; 0: it is the exchange's
    bool left_over = false;  ///< the exchange or queue is gone, and its messages go, too
    bool erased = false;     ///< by the batch that is being built
  };
  Delays& make_delays(LogId log);
  Delays& retries_of(Queue& queue);
  void end_retries(Queue& queue);
  /// Takes over a body that is apart.
  void keep_back(Delays& delays, Record record, Timestamp due, const Moment& moment);
  /// Takes over nothing: a large body is stored once more. The exchange delays it.
  void delay(const Exchange& exchange, MessageView message, const Moment& moment);
  /// To queues and into delays; takes over a body that is apart. `sent`: with all headers.
  void send(const std::vector<Queue*>& queues, std::span<Exchange* const> delays, const MessageView& seen,
            const MessageView& sent, const Moment& moment);
  /// Who is due goes on. Returns how many.
  std::size_t release(const Delays& from, const DelayLog::Entry& entry, const Moment& moment);
  void release(const Delays& from, Exchange& exchange, const MessageView& message, const Moment& moment);
  void release(Queue& queue, const Record& record, const Moment& moment);
  void discard(const DelayLog::Entry& entry);
  void kept_back_no_more(BodyRef body);
  void schedule(Delays& delays);
  void take_left_delays();
  void leave_over(Delays& delays);
  void erase(Delays& delays);
  bool step_delays(const Moment& moment);

  // broker_policies.cc
  /// All of the virtual host is to be looked at again.
  struct PolicyJob {
    std::string vhost;
    bool exchanges_done = false;
    std::string after;  ///< the last one that was
  };
  Result<void> recover_policy(Policy policy);
  void apply_policy(Queue& queue, const Moment& moment);
  void apply_policy(Exchange& exchange);
  void policies_changed(const std::string& vhost, const Moment& moment);
  bool step_policies(const Moment& moment);

  Result<std::uint32_t> publish_copies(const MessageView& message, const Moment& moment);
  /// `seen`: as queues get it.
  Result<std::uint32_t> publish_found(const Result<Router::Found>& found, const MessageView& seen,
                                      const MessageView& sent, const Moment& moment);
  /// `full`: gets those that have refused it.
  Result<std::uint32_t> publish_to(const Router::Found& found, const MessageView& seen, const MessageView& sent,
                                   const Moment& moment, std::vector<Queue*>& full);
  /// `transient`: it need not outlive the server.
  void enqueue(const std::vector<Queue*>& queues, const MessageView& message, const Moment& moment,
               bool transient = false) {
    enqueue(queues, {expiration_of(message.properties, moment.now), false, false, message}, moment, transient);
  }
  void enqueue(const std::vector<Queue*>& queues, const Record& record, const Moment& moment, bool transient = false);
  BodyRef add_body(std::string body, const Moment& moment);
  void changed(Queue* queue);
  void wants_dispatch(Queue* queue);
  Consumer* find(ConsumerId id);
  Channel* find_channel(ChannelId id);
  /// Among the closed ones, too, that have something left to settle.
  Channel* find_settling(ChannelId id);
  Queue* find_log(LogId log, std::size_t& lane);
  Channel* make_channel(ChannelId id, ConnectionId connection);
  /// Its consumers are gone.
  void drop_channel(ChannelId id);
  void remove_consumer(Consumer* consumer);
  void resume(std::vector<Consumer*>& stalled);
  /// Settles from `first` on, at most a step; moves `first`.
  void settle_step(Channel& channel, DeliveryTag& first, DeliveryTag last, const Verdict& verdict,
                   const Moment& moment);
  /// After some of its messages were.
  void settled(Queue* queue, const Moment& moment);
  /// Of a message with an expiration of its own.
  void settled_expiring(const Queue* queue, std::size_t lane, const Outstanding& entry, bool remembered, Timestamp now);
  /// There is a timer for the end of its time.
  static bool is_remembered(const Queue* queue, const Outstanding& entry);
  bool step_abandoned(const Moment& moment);
  bool step_settles(const Moment& moment);
  bool step_purges();
  bool step_leftovers();
  /// True: there is more to erase.
  bool dissolve(Queue& queue);
  void erase_log(Queue& queue);
  bool step_dispatch(const Moment& moment);
  /// One step. Returns how many messages left the queue.
  std::size_t dispatch(Queue* queue, const Moment& moment);
  /// Before a command that looks at what is ready: what came before it goes to consumers that wait.
  void dispatch_first(Queue* queue, const Moment& moment);
  bool step_leases(const Moment& moment);

  PageCache pages_;
  BodyCache bodies_;
  std::uint64_t next_body_ = 1;
  std::vector<std::pair<BodyRef, BodyCache::Body>> new_bodies_;
  std::vector<BodyRef> released_;  // whose reference is gone with a whole queue or a transaction
  Topology topology_;
  LogId next_log_ = 1;
  std::unordered_map<LogId, LogPlace> by_log_;
  std::unordered_map<ConnectionId, Connection> connections_;  // references stay valid
  std::unordered_map<ConnectionId, std::vector<Queue*>> exclusive_;
  std::unordered_map<ChannelId, std::unique_ptr<Channel>> channels_;
  ChannelId next_own_channel_ = kOwnChannels;
  std::unordered_map<ConsumerId, std::unique_ptr<Consumer>> consumers_;
  ConsumerId next_consumer_ = 1;
  std::string record_;  // of the message being enqueued
  std::size_t copied_bytes_ = 0;
  bool persisted_ = false;
  std::vector<Queue*> changed_;
  std::deque<Queue*> dispatch_;
  std::deque<std::unique_ptr<Channel>> abandoned_;
  std::deque<SettleJob> settles_;
  std::deque<PurgeJob> purges_;
  std::deque<DeadLetterJob> dead_letter_jobs_;
  std::deque<std::unique_ptr<Queue>> leftovers_;  // deleted, and not erased yet
  std::deque<LogId> retiring_;                    // first logs of queues
  Policies policies_;
  std::deque<PolicyJob> policy_jobs_;
  std::set<std::pair<Timestamp, LogId>> leases_;
  std::set<std::pair<Timestamp, LogId>> expiries_;  // of messages, by their queue's time: Queue::expiry_at
  /// Of messages that expire by themselves, in queues that are not stored: earliest on top.
  std::vector<std::pair<Timestamp, MessagePlace>> transient_expirations_;  // a heap
  std::size_t transient_expirations_after_sweep_ = 0;
  /// Due while they were delivered.
  std::map<MessagePlace, Timestamp> overdue_;
  std::unordered_map<LogId, Delays> delays_;
  std::vector<Delays*> changed_delays_;
  std::set<std::pair<Timestamp, LogId>> delay_times_;        // DelayLog::listed_at
  std::map<std::uint64_t, std::uint32_t> shared_kept_back_;  // Topology::body_shared
  std::vector<LogId> erased_delays_;
  std::unordered_map<LogId, SeenKeys> keys_;  // references stay valid
  std::vector<SeenKeys*> changed_keys_;
  std::vector<LogId> erased_logs_;
  std::size_t erased_in_batch_ = 0;
  QueueEffects queue_effects_;
  BrokerEffects effects_;
};

template <class Sink>
void Broker::take_changes(Sink& sink) {
  for (const TopologyChange& change : topology_.take_changes()) sink.topology(change);
  for (Queue* queue : changed_) {
    queue->listed_changed = false;
    for (std::size_t i = 0; i < queue->lanes(); ++i) {
      queue->log(i).take_changes(sink);
      for (const BodyRef body : queue->log(i).take_released()) released_.push_back(body);
    }
  }
  changed_.clear();
  for (auto& [ref, body] : new_bodies_) sink.put_body(ref, std::move(body));
  new_bodies_.clear();
  for (const BodyRef body : released_) {
    if (bodies_.release(body.id)) sink.erase_body(body);
  }
  released_.clear();
  for (Delays* delays : changed_delays_) {
    delays->log.listed_changed = false;
    delays->log.take_changes(sink);
  }
  changed_delays_.clear();
  for (const LogId log : erased_delays_) {
    sink.erase_delays(log);
    delays_.erase(log);
  }
  erased_delays_.clear();
  for (SeenKeys* keys : changed_keys_) {
    keys->listed_changed = false;
    keys->take_changes(sink);
  }
  changed_keys_.clear();
  for (const LogId log : topology_.take_keys_logs()) {
    sink.erase_keys(log);
    keys_.erase(log);
  }
  for (const LogId log : erased_logs_) sink.erase_log(log);
  erased_logs_.clear();
  erased_in_batch_ = 0;
  copied_bytes_ = 0;
}

}  // namespace escrow::broker
