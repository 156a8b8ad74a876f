// For operators: the messages that stand in `escrow.parked`, because no queue took them or they died with nowhere to go, and
// in every queue that gets dead letters.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "client/cpp/client.h"
#include "client/cpp/message.h"

namespace escrow::client {

enum class DeathReason : std::uint8_t { kRejected = 1, kExpired = 2, kMaxLength = 3, kDeliveryLimit = 4 };

/// From the headers x-last-death-*, x-first-death-* and x-death.
struct Death {
  /// rejected, expired, maxlen or delivery_limit.
  std::string reason;
  std::string queue;
  /// By which the message had come there.
  std::string exchange;
  std::optional<std::string> routing_key;
  /// How often it has died there for that reason, and when it did first.
  std::optional<std::uint64_t> count;
  std::optional<Timestamp> first_time;
};

struct DeadLetter {
  /// Valid as long as the message stays in its queue.
  std::string id;
  /// Its body only from get().
  Message message;
  std::uint64_t body_bytes = 0;
  /// When the last message of its batch came into the queue.
  Timestamp enqueue_time;
  /// A consumer has it.
  bool held = false;
  /// Unset: it has not died; no queue took it.
  std::optional<Death> last_death;
  std::optional<Death> first_death;
};

/// All that is set must hold.
struct DeadLetterFilter {
  std::optional<DeathReason> reason = std::nullopt;       ///< of its last death
  std::string died_in = {};                               ///< the queue of its last death
  std::optional<std::string> exchange = std::nullopt;     ///< as it stands in the queue
  std::optional<std::string> routing_key = std::nullopt;  ///< …
  std::optional<Timestamp> enqueued_before = std::nullopt;
};

struct DeadLetterPage {
  std::vector<DeadLetter> dead_letters;
  /// Empty: this was the last page. A short page need not be the last.
  std::string next_page_token;
};

/// Which messages: those of these ids, at most 1,000; or, without ids, all that the filter finds.
struct DeadLetterSelection {
  std::vector<std::string> ids = {};
  DeadLetterFilter filter = {};
  /// 0: no limit.
  std::uint64_t limit = 0;
};

/// Nothing set: straight into the queue that each last died in, or as each had come.
struct RedriveTo {
  std::optional<std::string> queue = std::nullopt;
  std::optional<std::string> exchange = std::nullopt;
  /// With `exchange`; unset: each message's own.
  std::optional<std::string> routing_key = std::nullopt;
};

struct Redriven {
  std::uint64_t redriven = 0;
  /// These stayed: no queue was found for them; a queue for them is full and refuses; of the ids: gone, or held by a consumer.
  std::uint64_t not_routable = 0;
  std::uint64_t refused = 0;
  std::uint64_t unavailable = 0;
};

struct Discarded {
  std::uint64_t discarded = 0;
  /// Of the ids: gone, or held by a consumer.
  std::uint64_t unavailable = 0;
};

/// Those of one queue. Thread-safe.
class DeadLetters {
 public:
  /// Empty: `escrow.parked` of "/".
  explicit DeadLetters(const Client& client, std::string queue = {}, std::string vhost = {});

  /// One page, in the order in which consumers would get them. `page_size` at most 1,000, 0 means 100.
  Result<DeadLetterPage> list(const DeadLetterFilter& filter = {}, std::uint32_t page_size = 0,
                              const std::string& page_token = {}) const;
  /// NOT_FOUND, DEAD_LETTER_UNKNOWN when it is not in the queue, or not any more.
  Result<DeadLetter> get(const std::string& id) const;

  // For many messages let ClientOptions::attempt_timeout be long. When it is over the server goes on all the same. `reason` is
  // kept in the audit ledger, cut at 1,024 bytes.
  Result<Redriven> redrive(const DeadLetterSelection& which, const RedriveTo& to = {},
                           const std::string& reason = {}) const;
  /// `reason` must not be empty.
  Result<Discarded> discard(const DeadLetterSelection& which, const std::string& reason) const;

 private:
  std::shared_ptr<internal::Connection> connection_;
  std::string queue_;
  std::string vhost_;
};

}  // namespace escrow::client
