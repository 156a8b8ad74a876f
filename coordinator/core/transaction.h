// A transaction: messages in escrow until somebody decides, and what became of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "model/digest.h"
#include "model/message.h"

namespace escrow::coordinator {

/// Frozen: on disk and in the audit ledger.
enum class State : std::uint8_t {
  kNone = 0,
  kPrepared = 1,
  kCommitted = 2,
  kRolledBack = 3,
  kInDoubt = 4,    ///< checks are used up; stays so until decided
  kScheduled = 5,  ///< its time commits it (schedule.h)
  kHeld = 6,       ///< of a schedule: the decision on its transaction makes it one
};

constexpr bool is_open(State state) {
  return state == State::kPrepared || state == State::kInDoubt || state == State::kScheduled || state == State::kHeld;
}
/// As in the API, for messages and logs.
std::string_view name(State state);

/// The caller's id within its producer group; 1 to 255 bytes each.
struct Key {
  std::string group;
  std::string id;

  auto operator<=>(const Key&) const = default;
  /// string group │ string id: the key in the store.
  std::string encode() const;
  static Result<Key> decode(std::string_view in);
};

/// Tells a transaction from a later one of the same id. Never 0; grows over all transactions.
using Epoch = std::uint64_t;

struct TransactionMessage {
  Message message;
  std::optional<Duration> delay;  ///< counted from the commit
  std::optional<Timestamp> due;
  std::string schedule_key;  ///< of one with a delay or a due time, to cancel it by; empty: it has none of its own
  std::string sink;          ///< empty: an exchange
  std::optional<Message> compensation;

  bool operator==(const TransactionMessage&) const = default;
};

/// How far checking has come.
struct CheckState {
  std::uint32_t attempts = 0;  ///< that the producer side acknowledged
  Timestamp next_due;          ///< of a prepared transaction; of a scheduled one, its time
  bool operator==(const CheckState&) const = default;
};

struct Transaction {
  Key key;
  Epoch epoch = 0;
  State state = State::kNone;
  Digest content{};  ///< of everything that a repeated Prepare must have equal
  Timestamp prepared_at;
  std::string prepared_by;
  std::uint32_t message_count = 0;
  std::vector<TransactionMessage> messages;  ///< empty once decided
  CheckState check;
  Timestamp decided_at;
  std::string decided_by;
  std::string reason;

  /// What it keeps in memory, roughly.
  std::size_t footprint() const;
  bool operator==(const Transaction&) const = default;
};

// Stored forms.
//
//   open      u8 version = 1 │ u8 state │ u64 epoch │ 32 bytes content │ i64 prepared µs │ string prepared by │ i64 first check µs
//             │ varint messages │ message*
//   message   u8 flags │ body (see stored message) │ [varint delay µs] │ [i64 due µs] │ [string sink] │ [stored message]
//             │ [u64 body id │ u32 body size] │ [string schedule key]
//             flags: 1 delay, 2 due time, 4 sink, 8 compensation, 16 body apart, 32 schedule key
//   stored message   string vhost │ string exchange │ string routing key │ string properties │ string body
//             the state is PREPARED, SCHEDULED or HELD
//   check     u8 version = 1 │ u8 in doubt │ varint attempts │ i64 next due µs     (overrides what `open` implies)
//   decided   u8 version = 1 │ u8 state │ u64 epoch │ 32 bytes content │ i64 prepared µs │ string prepared by
//             │ varint messages │ varint attempts │ i64 decided µs │ string decided by │ string reason
std::string encode_open(const Transaction& transaction);
std::string encode_check(const Transaction& transaction);
std::string encode_decided(const Transaction& transaction);

/// kDataLoss when damaged. `check` is absent until the first check has counted.
Result<Transaction> decode_open(const Key& key, std::string_view open, std::optional<std::string_view> check);
Result<Transaction> decode_decided(const Key& key, std::string_view decided);

/// Digest of the messages and of what else a repeated Prepare must have equal.
Digest content_digest(const std::vector<TransactionMessage>& messages);

}  // namespace escrow::coordinator
