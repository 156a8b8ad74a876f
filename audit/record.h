// The audit ledger: one record for every change of state, numbered without gaps, each sealed with the hash of the one
// before it.
//
//   record  u32 size of the rest │ u8 version = 1 │ u64 sequence │ i64 time µs │ u8 subject │ u8 before │ u8 after
//           │ string actor │ string reason │ string subject key 1 │ string subject key 2 │ u64 epoch
//           │ 32 bytes hash
//
//   hash = SHA-256(hash of the record before │ everything of this record before its hash, size included)
//
// The hash before the first record is 32 zero bytes. Whoever changes, drops or inserts a record has to recompute all
// that follow, and the tip (which operators can note elsewhere) tells.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "model/digest.h"

namespace escrow::audit {

/// What a record is about. Frozen.
enum class Subject : std::uint8_t {
  kTransaction = 1,     ///< keys: group, transaction id
  kExchange = 2,        ///< keys: vhost, name
  kQueue = 3,           ///< keys: vhost, name
  kBinding = 4,         ///< keys: vhost, "source -> destination (routing key)"
  kVhost = 5,           ///< key: name
  kSchedule = 6,        ///< keys: vhost, the schedule's
  kPolicy = 7,          ///< keys: vhost, name
  kOperatorPolicy = 8,  ///< keys: vhost, name
  kDeadLetter = 9,      ///< keys: vhost, "id in queue"; for one that went on, the reason begins with where to
  kWaiting = 10,        ///< keys: vhost, "exchange or queue, id"
};

/// States of subjects that have no other than to exist. Transactions and schedules use their own
/// (coordinator/core/transaction.h).
enum class Existence : std::uint8_t { kAbsent = 0, kPresent = 1, kPurged = 2, kRedriven = 3 };

struct Record {
  std::uint64_t sequence = 0;
  Timestamp time;
  Subject subject = Subject::kTransaction;
  std::uint8_t before = 0;
  std::uint8_t after = 0;
  std::string actor;  ///< the authenticated name
  std::string reason;
  std::string key1;
  std::string key2;
  std::uint64_t epoch = 0;  ///< of a transaction; 0 for others
  Digest hash{};

  bool operator==(const Record&) const = default;
};

/// The end of the chain.
struct Tip {
  std::uint64_t sequence = 0;  ///< of the last record; 0: none yet
  Digest hash{};
  bool operator==(const Tip&) const = default;
};

/// Numbers and seals the record, appends it to `out` and moves the tip.
void append(Record record, Tip& tip, std::string& out);

/// Reads the record at the front of `in` and advances it. kDataLoss when it is cut off or malformed.
Result<Record> decode(std::string_view& in);

/// Reads the record at the front of `in`, advances it, and checks that it follows `tip`, which it moves. kDataLoss names
/// the first record that does not.
Result<Record> verify(std::string_view& in, Tip& tip);

}  // namespace escrow::audit
