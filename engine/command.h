// Commands: everything that changes state, and everything that asks for it, comes to the engine as one of these.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "broker/core/broker.h"
#include "coordinator/core/rules.h"
#include "coordinator/core/schedule.h"

namespace escrow::engine {

class Port;

struct GetTransaction {
  coordinator::Key key;
};
struct GetSchedule {
  coordinator::ScheduleKey key;
};

/// The port becomes a producer of the group and gets its checks.
struct OpenCheckbacks {
  std::string group;
  std::uint32_t max_in_flight = 100;
};
struct CheckReceipt {
  std::uint64_t check = 0;
};
enum class Verdict : std::uint8_t { kUnknown, kCommit, kRollback };
struct CheckAnswer {
  std::uint64_t check = 0;
  Verdict verdict = Verdict::kUnknown;
  std::string reason;
};

using broker::Bind;
using broker::Cancel;
using broker::CancelWaiting;
using broker::CheckAhead;
using broker::CloseChannel;
using broker::CommandScope;
using broker::CommitTx;
using broker::Consume;
using broker::DeclareExchange;
using broker::DeclareQueue;
using broker::DeclareVhost;
using broker::DeleteExchange;
using broker::DeletePolicy;
using broker::DeleteQueue;
using broker::DiscardDeadLetters;
using broker::Fetch;
using broker::GetDeadLetter;
using broker::GrantBytes;
using broker::GrantCredit;
using broker::ListDeadLetters;
using broker::ListPolicies;
using broker::ListQueues;
using broker::ListWaiting;
using broker::OpenChannel;
using broker::Publish;
using broker::PurgeQueue;
using broker::PurgeWaiting;
using broker::RedriveDeadLetters;
using broker::SetPolicy;
using broker::SetPrefetch;
using broker::Settle;
using broker::SettleTag;

using broker::Consuming;
using broker::DeadLetterCounts;
using broker::DeadLetterList;
using broker::DeadLetterShown;
using broker::Done;
using broker::MessageCount;
using broker::PolicyList;
using broker::Published;
using broker::QueueList;
using broker::WaitingCancelled;
using broker::WaitingList;

/// The last command of a port: its consumers and checks end, and after everything before it was answered comes
/// Port::closed(). Always accepted.
struct ClosePort {};

using CommandBody =
    std::variant<coordinator::Prepare, coordinator::Decide, GetTransaction, coordinator::Schedule,
                 coordinator::Reschedule, coordinator::CancelSchedule, GetSchedule, OpenCheckbacks, CheckReceipt,
                 CheckAnswer, DeclareVhost, DeclareExchange, DeleteExchange, DeclareQueue, DeleteQueue, PurgeQueue,
                 Bind, ListQueues, ListWaiting, CancelWaiting, PurgeWaiting, SetPolicy, DeletePolicy, ListPolicies,
                 ListDeadLetters, GetDeadLetter, RedriveDeadLetters, DiscardDeadLetters, Publish, OpenChannel,
                 CloseChannel, SetPrefetch, Consume, Cancel, GrantCredit, GrantBytes, Settle, SettleTag, Fetch,
                 CheckAhead, CommitTx, ClosePort>;

/// OpenChannel, SetPrefetch, GrantCredit, GrantBytes, Settle, SettleTag, CheckReceipt and CheckAnswer are not answered unless
/// they fail; all others are, once, but for those behind a failed one of their scope.
struct Command {
  Port* port = nullptr;
  std::uint64_t request = 0;  ///< the port's own number; comes back with the reply
  std::string actor;          ///< the authenticated name
  CommandBody body;
  std::shared_ptr<CommandScope> scope = nullptr;

  /// What it takes of the inbox's bytes.
  std::size_t bytes() const;
};

struct Prepared {
  coordinator::Epoch epoch = 0;
  coordinator::State state = coordinator::State::kPrepared;
};
struct Decided {
  Timestamp decided_at;
};
/// Without messages.
struct TransactionView {
  coordinator::Transaction transaction;
  bool waiting_for_producer = false;
};
/// Its bodies are hidden (coordinator::hide_bodies).
struct ScheduleView {
  coordinator::Transaction schedule;
};
using Reply = std::variant<Prepared, Decided, TransactionView, ScheduleView, Published, Done, MessageCount,
                           broker::QueueInfo, Consuming, QueueList, WaitingList, WaitingCancelled, PolicyList,
                           broker::Fetched, DeadLetterList, DeadLetterShown, DeadLetterCounts>;

/// A question to a producer.
struct Check {
  std::uint64_t id = 0;
  coordinator::Key key;
  coordinator::Epoch epoch = 0;
  std::uint32_t attempt = 1;
  Timestamp prepared_at;
  std::vector<Message> messages;  ///< without bodies
};

}  // namespace escrow::engine
