// Checks: the server asks what became of a transaction whose decision is overdue.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "client/cpp/message.h"

namespace escrow::client {

struct Check {
  std::string group;
  std::string transaction_id;
  std::uint64_t epoch = 0;
  /// 1 for the first check.
  std::uint32_t attempt = 0;
  Timestamp prepare_time;
  /// Exchanges, routing keys and properties of the messages, without bodies.
  std::vector<Message> messages;
};

enum class Verdict : std::uint8_t {
  kCommit = 1,
  kRollback = 2,
  /// Not known yet: the server asks again later.
  kUnknown = 3,
};

struct CheckAnswer {
  CheckAnswer(Verdict verdict_value, std::string reason_text = {})  // NOLINT(google-explicit-constructor)
      : verdict(verdict_value), reason(std::move(reason_text)) {}

  Verdict verdict;
  /// Kept in the audit ledger, cut at 1,024 bytes.
  std::string reason;
};

/// Looks up, in the service's own database, what became of the local transaction.
///
/// It must not answer kRollback merely because the local transaction is not there *yet*: a slow one may still
/// commit. Either the handler makes that impossible (docs/client-cpp.md shows the barrier: one INSERT), or it
/// answers kUnknown while the transaction is young.
///
/// Any instance of the service may be asked about any transaction of the group, and about the same one again.
/// An exception counts as kUnknown. Called from the producer's check threads, several at a time.
using CheckHandler = std::function<CheckAnswer(const Check&)>;

struct CheckOptions {
  /// Handlers that run at the same time.
  std::uint32_t threads = 2;
  /// Checks taken from the server at once, running or waiting for a thread. 1 to 10,000.
  std::uint32_t max_in_flight = 100;
};

}  // namespace escrow::client
