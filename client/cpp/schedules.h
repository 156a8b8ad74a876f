// Messages that are sent at their time, unless somebody cancels them by their key first: order timeouts, reminders.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "client/cpp/client.h"
#include "client/cpp/message.h"

namespace escrow::client {

enum class ScheduleState : std::uint8_t {
  kScheduled = 1,
  kDelivered = 2,
  kCancelled = 3,
  /// The transaction of the message is not decided.
  kHeld = 4,
};

/// A delay from now, or a time.
using When = std::variant<std::chrono::milliseconds, Timestamp>;

struct ScheduledMessage {
  std::string vhost;
  std::string key;
  ScheduleState state = ScheduleState::kScheduled;
  /// While it waits.
  std::optional<Timestamp> due_time;
  Timestamp create_time;
  std::string created_by;
  /// Of the delivery, or of the cancellation.
  std::optional<Timestamp> end_time;
  std::string ended_by;
  std::string reason;
  /// While it waits; without its body.
  std::optional<Message> message;
  std::uint64_t body_bytes = 0;
};

struct SchedulePage {
  std::vector<ScheduledMessage> schedules;
  /// Empty: this was the last page. A short page need not be the last.
  std::string next_page_token;
};

/// Thread-safe. Keys are unique within a virtual host; 1 to 255 bytes. An empty `vhost` is "/".
class Schedules {
 public:
  explicit Schedules(const Client& client);

  /// Repeating it with the same message and time gives what became of it. ALREADY_EXISTS, SCHEDULE_DIFFERS when the key is
  /// taken by another one.
  Result<ScheduledMessage> schedule(const std::string& key, Message message, const When& when) const;

  /// NOT_FOUND, SCHEDULE_UNKNOWN; FAILED_PRECONDITION, ALREADY_DELIVERED with the metadata `delivered_at`. `reason` is kept in
  /// the audit ledger, cut at 1,024 bytes.
  Result<ScheduledMessage> cancel(const std::string& key, const std::string& reason = {},
                                  const std::string& vhost = {}) const;

  /// Moves it. As cancel(); also ALREADY_CANCELLED.
  Result<ScheduledMessage> reschedule(const std::string& key, const When& when, const std::string& vhost = {}) const;

  /// NOT_FOUND, SCHEDULE_UNKNOWN when it is unknown or no longer kept.
  Result<ScheduledMessage> get(const std::string& key, const std::string& vhost = {}) const;

  /// One page: those that wait in a stable order, then those that ended in order of their end. `page_size` at most 1,000,
  /// 0 means 100; `page_token` from the page before, empty for the first.
  Result<SchedulePage> list(std::optional<ScheduleState> state = std::nullopt, const std::string& vhost = {},
                            std::uint32_t page_size = 0, const std::string& page_token = {}) const;

 private:
  std::shared_ptr<internal::Connection> connection_;
};

}  // namespace escrow::client
