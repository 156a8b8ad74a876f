// The engine: applies every command, alone and in order, and turns what they change into batches.
//
//   submit ─▶ (wait for what the command names to be in memory) ─▶ apply ─▶ batch ─▶ commit ─▶ outbox ─▶ ports
//
// Deterministic: the same recovered state, commands, times, random seed and order of completions give the same batches.
// One thread at a time calls it (engine_thread.h); it never waits.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "broker/core/broker.h"
#include "coordinator/core/rules.h"
#include "engine/backend.h"
#include "engine/batch.h"
#include "engine/command.h"
#include "engine/engine_time.h"
#include "engine/head.h"
#include "engine/outbox.h"
#include "engine/producers.h"
#include "engine/transaction_table.h"
#include "storage/store.h"

namespace escrow::engine {

struct EngineOptions {
  coordinator::CheckPolicy checks;
  /// Without a receipt by then, another producer is asked; the attempt does not count.
  Duration check_receipt_timeout = std::chrono::seconds(5);
  /// Received but not answered by then: unknown.
  Duration check_answer_timeout = std::chrono::seconds(30);
  /// How long the ids of decided transactions are kept.
  Duration decided_retention = std::chrono::hours(24 * 7);
  std::size_t page_memory_bytes = 64 << 20;
  std::size_t transaction_memory_bytes = 32 << 20;
  /// A batch takes no more commands beyond this.
  std::size_t batch_bytes = 4 << 20;
  /// No more commands are taken while those that wait for a read of their transaction have as much.
  std::size_t waiting_bytes = 16 << 20;
  /// Of all messages of a transaction. All copies of what one commits are of one batch, whatever its size: at most
  /// this times the queues that its messages go to, bodies over broker::kMaxInlineBody once.
  std::size_t transaction_bytes = coordinator::kMaxTransactionBytes;
  /// How long a producer group without producers and open transactions is kept.
  Duration group_retention = std::chrono::minutes(10);
  /// How long acknowledgements wait for company before a batch is made for them alone.
  Monotonic lazy_delay = std::chrono::milliseconds(2);
  /// How long a batch waits for as many commands as the last one had (FIGURES: natural batching).
  Monotonic hold = std::chrono::microseconds(30);
};

/// Counters since the start.
struct EngineCounters {
  std::uint64_t commands = 0;
  std::uint64_t batches = 0;
  std::uint64_t published = 0;
  std::uint64_t prepared = 0;
  std::uint64_t committed = 0;
  std::uint64_t rolled_back = 0;
  std::uint64_t schedules_delivered = 0;
  std::uint64_t schedules_cancelled = 0;
  std::uint64_t checks = 0;
  std::uint64_t in_doubt = 0;
};

class Engine {
 public:
  /// Loads the state from the store. kDataLoss when it cannot be trusted. `backend` outlives the engine.
  static Result<std::unique_ptr<Engine>> recover(const Store& store, Backend& backend, EngineOptions options,
                                                 Random random, Timestamp wall, Monotonic monotonic);

  /// Takes a command, when it is not full. Its port hears about it after a later turn.
  void submit(Command command);
  /// No more commands for now: the batch is full, messages of a Publish wait for the next one, or too much waits for
  /// reads. That ends with a turn, after committed() or the completion of a read.
  bool full() const { return full_batch() || publishing_ || waiting_full(); }

  /// Does what is due and hands out effects. True: there is more to do at once.
  bool turn(Timestamp wall, Monotonic monotonic, bool more_waiting);
  /// The batch given to Backend::commit is durable.
  void committed();

  /// When turn has to be called next, if nothing else happens.
  std::optional<Monotonic> next_turn() const { return next_turn_; }
  /// Nothing is being built, on its way, or waiting to be read.
  bool idle() const;
  /// The last batch was of one command: the next one may well be, too.
  bool last_was_lone() const { return commands_in_last_batch_ <= kLoneCommands; }

  broker::BatchNumber last_sealed() const { return head_.batch; }
  broker::BatchNumber durable() const { return outbox_.durable(); }
  const EngineCounters& counters() const { return counters_; }
  Timestamp now() const { return time_.now(); }
  broker::Broker& broker() { return broker_; }
  /// That wait for their time.
  std::uint64_t schedules() const { return head_.schedules; }
  /// Of transactions in memory.
  std::size_t transaction_memory() const { return table_.bytes(); }
  /// Of the state that recovery must find again. Equal digests at equal batch numbers.
  std::uint64_t digest() const;

 private:
  /// A batch this small is alone when nothing else waits.
  static constexpr std::size_t kLoneCommands = 1;

  /// Which lanes of its own may have timers in the store.
  struct StoredTimers {
    bool expirations = false;
    bool schedules = false;
  };
  Engine(Backend& backend, EngineOptions options, Random random, const Head& head, StoredTimers stored, Timestamp wall,
         Monotonic monotonic);

  // engine_recovery.cc
  Result<void> recover_queues(const Store& store);
  Result<void> recover_log(const Store& store, broker::QueueLog& log);
  Result<void> recover_bodies(const Store& store);
  Result<void> recover_groups(const Store& store);

  // engine.cc
  broker::Moment moment() { return {time_.now(), head_.batch + 1}; }
  void reply(const Command& command, Result<Reply> reply);
  void touch() { dirty_ = true; }
  void touch_lazily() {
    if (!std::exchange(lazy_, true)) lazy_since_ = monotonic_;
  }
  bool full_batch() const {
    return building_bytes_ + broker_.copied_bytes() + building_.bytes() >= options_.batch_bytes;
  }
  bool waiting_full() const { return waiting_bytes_ >= options_.waiting_bytes; }
  broker::BatchNumber visible_batch() const { return dirty_ ? head_.batch + 1 : head_.batch; }
  void take_broker_effects();
  void read_after(broker::BatchNumber batch, std::function<Backend::Completion(const Store&)> read);
  void issue_reads();
  bool wants_commit(Monotonic monotonic, bool more_waiting);
  void seal_and_commit(bool lone);
  void close_port(const Command& command);
  void answered(Port* port);
  void wake_at(Timestamp when);
  void audit(audit::Subject subject, std::uint8_t before, std::uint8_t after, std::string actor, std::string reason,
             std::string key1, std::string key2, coordinator::Epoch epoch = 0);

  // engine_broker.cc
  void apply(const Command& command, const DeclareVhost& body);
  void apply(const Command& command, const DeclareExchange& body);
  void apply(const Command& command, const DeleteExchange& body);
  /// `actor` has brought it about.
  void audit_auto_deleted(const std::string& actor);
  void apply(const Command& command, const DeclareQueue& body);
  void apply(const Command& command, const DeleteQueue& body);
  void apply(const Command& command, const PurgeQueue& body);
  void apply(const Command& command, const Bind& body);
  void apply(const Command& command, const ListQueues& body);
  void apply(const Command& command, const PurgeWaiting& body);
  void apply(Command& command, const Publish& body);
  void publish_some();
  void apply(const Command& command, const CheckAhead& body);
  Result<void> check_commit(const CommitTx& body);
  void apply(const Command& command, const CommitTx& body);

  // engine_waiting.cc
  struct CancelJob;
  void apply(const Command& command, const ListWaiting& body);
  void apply(const Command& command, const CancelWaiting& body);
  void cancel_some(std::shared_ptr<CancelJob> job);
  void cancelled_one(CancelJob& job, const broker::WaitingId& id);

  // engine_policies.cc
  void apply(const Command& command, const SetPolicy& body);
  void apply(const Command& command, const DeletePolicy& body);
  void apply(const Command& command, const ListPolicies& body);

  // engine_dead_letters.cc
  void apply(const Command& command, const ListDeadLetters& body);
  void apply(const Command& command, const GetDeadLetter& body);
  void apply(const Command& command, const RedriveDeadLetters& body);
  void apply(const Command& command, const DiscardDeadLetters& body);
  void take_dead_letters(broker::BrokerEffects& effects);

  // engine_clients.cc
  void apply(const Command& command, const OpenChannel& body);
  void apply(const Command& command, const CloseChannel& body);
  void apply(const Command& command, const SetPrefetch& body);
  void apply(const Command& command, const Consume& body);
  void apply(const Command& command, const Cancel& body);
  void apply(const Command& command, const GrantCredit& body);
  void apply(const Command& command, const GrantBytes& body);
  void apply(const Command& command, const Settle& body);
  void apply(const Command& command, const SettleTag& body);
  void apply(const Command& command, const Fetch& body);
  void forget_consumer(broker::ConsumerId consumer);
  void close_clients(Port* port);
  void take_deliveries(broker::BrokerEffects& effects);
  void load_page(const broker::QueueLog::LoadRequest& request);
  void load_body(BodyRef body);
  void load_delays(const broker::DelayLog::LoadRequest& request);

  // engine_coordinator.cc
  using Entry = TransactionTable::Entry;
  /// Calls use(entry, key) when the transaction is in memory: now, or later and then after those that asked before.
  /// `bytes` is what it keeps while it waits.
  template <class Use>
  void with_transaction(const coordinator::Key& key, std::size_t bytes, Use&& use);
  /// As with_transaction, when the schedules at keys_of(entry) are in memory as well.
  template <class KeysOf, class Use>
  void with_schedules(const coordinator::Key& key, std::size_t bytes, KeysOf keys_of, Use use);
  /// What is in memory, or comes into it without waiting. nullptr: it has to be read, or is being read.
  Entry* find_at_once(const coordinator::Key& key, const std::string& encoded);
  /// What waits for the transaction goes on.
  void resume(const std::string& key);
  void read_transaction(const std::string& key);
  void transaction_read(const std::string& key, Result<std::optional<coordinator::Transaction>> found);
  void apply(Command& command, coordinator::Prepare& body);
  void apply(Command& command, coordinator::Decide& body);
  void apply(const Command& command, const GetTransaction& body);
  Result<void> check_exchanges(const coordinator::Prepare& body);
  void prepare(const Command& command, coordinator::Prepare body, Entry& entry, const std::string& key);
  Result<coordinator::Change> decide(const coordinator::Decide& decision, Entry& entry, const std::string& key);
  /// After a rule has ended a transaction or a schedule.
  void decided(Entry& entry, const std::string& key, coordinator::State before);
  void commit_messages(coordinator::Transaction& t, coordinator::State before);
  static std::vector<coordinator::Key> schedules_of_entry(const Entry& entry) {
    return entry.transaction ? keyed_schedules(entry.transaction->messages) : std::vector<coordinator::Key>();
  }
  void audit_transaction(const coordinator::Transaction& t, coordinator::State before, const std::string& actor,
                         const std::string& reason);
  Result<Reply> view(const coordinator::Key& key, const Entry& entry);
  Result<Group*> group_for(const std::string& name);

  // engine_checks.cc
  void apply(const Command& command, const OpenCheckbacks& body);
  void apply(const Command& command, const CheckReceipt& body);
  void apply(const Command& command, const CheckAnswer& body);
  void run_checks();
  void run_checks(Group& group);
  void start_check(Group& group, Timer timer);
  void ask(Group& group, const Timer& timer, Entry& entry);
  void check_unanswered(CheckInFlight check);
  void check_unknown(CheckInFlight check, const std::string& reason);
  /// Calls loaded(entries, stopped_at), for TimerLane::loaded.
  template <class Loaded>
  void read_timers(const TimerLane::Read& read, Loaded loaded);
  void lane_changed(Group& group);

  // engine_schedules.cc
  void apply(Command& command, coordinator::Schedule& body);
  void apply(Command& command, coordinator::Reschedule& body);
  void apply(Command& command, coordinator::CancelSchedule& body);
  void apply(const Command& command, const GetSchedule& body);
  /// Calls use(schedule, body) for a change, which is answered with the schedule.
  template <class Body, class Use>
  void with_schedule(Command& command, Body& body, const coordinator::ScheduleKey& key, Use use);
  struct ScheduleBefore {
    coordinator::State state = coordinator::State::kNone;
    Timestamp due;
  };
  void schedule_changed(Entry& entry, const std::string& key, coordinator::Change change, const ScheduleBefore& before,
                        const std::string& actor);
  /// One that is new or moved.
  void arm_schedule(Entry& entry, const std::string& key, coordinator::State before, const std::string& actor);
  /// Where those are that messages of a transaction name.
  static std::vector<coordinator::Key> keyed_schedules(const std::vector<coordinator::TransactionMessage>& messages);
  // Those of a transaction, which are in memory (with_schedules).
  Result<void> check_schedules(const coordinator::Prepare& body);
  void hold_schedules(const coordinator::Transaction& t);
  void begin_schedule(const coordinator::Transaction& t, const coordinator::ScheduleKey& name,
                      coordinator::TransactionMessage message);
  void release_schedules(const coordinator::Transaction& t);
  static ScheduleView view_schedule(const Entry& entry);
  void run_schedules();

  // engine_expirations.cc
  void run_expirations();
  void take_expirations(broker::BrokerEffects& effects);

  // engine_retention.cc
  void run_retention();
  void retire(const std::string& timer_key, const std::vector<Timer>& decided);

  // engine_groups.cc
  void run_group_retention();
  std::vector<std::string> groups_to_look_at();
  void forget_group(const std::string& name, broker::BatchNumber seen);

  Backend& backend_;
  const EngineOptions options_;
  Random random_;
  EngineTime time_;
  Head head_;  // of the last sealed batch; its counters run ahead for the next one
  const Bucket recovered_last_bucket_;

  broker::Broker broker_;
  TransactionTable table_;
  Producers producers_;
  TimerLane expirations_;
  TimerLane schedules_;
  Outbox outbox_;
  Batch building_;
  Batch committing_;
  bool commit_under_way_ = false;
  std::optional<std::pair<std::uint64_t, std::uint64_t>> orphaned_bodies_;  // erased by the first batch
  bool dirty_ = false;                                                      // the batch has what somebody waits for
  bool lazy_ = false;                                                       // … or only what can wait for company
  Monotonic lazy_since_{};
  Monotonic monotonic_{};
  std::size_t building_bytes_ = 0;  // of bodies that were prepared, which are not in building_ yet
  std::size_t commands_in_batch_ = 0;
  std::size_t commands_in_last_batch_ = 0;
  Monotonic hold_until_{};
  std::optional<Monotonic> next_turn_;

  struct Waiting {
    std::size_t bytes;
    std::function<void(Entry&, const std::string&)> use;
  };
  std::unordered_map<std::string, std::vector<Waiting>> waiting_;
  std::size_t waiting_bytes_ = 0;
  /// A Publish that has come as far as its outcomes.
  struct Publishing {
    Command command;
    broker::Outcomes outcomes;
    bool unroutable = false;  // one of them has no queue
  };
  std::optional<Publishing> publishing_;
  std::unordered_map<broker::ConsumerId, Port*> consumers_;
  std::unordered_map<Port*, std::unordered_set<broker::ConsumerId>> port_consumers_;
  std::unordered_map<Port*, broker::ConnectionId> port_connections_;
  /// Purges, fetches and jobs about dead letters that are not answered yet.
  std::unordered_map<std::uint64_t, Command> jobs_;
  std::uint64_t next_job_ = 1;
  std::vector<Port*> ports_closing_;
  struct WaitingRead {
    broker::BatchNumber after;
    std::function<Backend::Completion(const Store&)> read;
  };
  std::vector<WaitingRead> waiting_reads_;
  std::size_t reads_under_way_ = 0;

  std::vector<Group*> changed_lanes_;
  std::string decided_;  // timers of the decisions of this batch, for retention
  std::string retention_cursor_;
  Timestamp next_retention_;
  bool retention_under_way_ = false;
  std::string group_cursor_;
  Timestamp next_group_retention_;
  bool group_retention_under_way_ = false;
  EngineCounters counters_;
};

}  // namespace escrow::engine
