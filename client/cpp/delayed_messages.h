// Messages that wait: at a delayed exchange, or in a queue that delivers again what was refused.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "client/cpp/client.h"
#include "client/cpp/message.h"

namespace escrow::client {

struct DelayedMessage {
  std::string id;
  Timestamp due_time;
  /// Without a body of more than 4,096 bytes.
  Message message;
  std::uint64_t body_bytes = 0;
};

struct DelayedMessagePage {
  std::vector<DelayedMessage> messages;
  /// Empty: this was the last page.
  std::string next_page_token;
};

/// Where they wait: one of the two.
struct DelayedPlace {
  std::string exchange = {};
  std::string queue = {};
  /// Empty: "/".
  std::string vhost = {};
};

/// Thread-safe. Reasons are kept in the audit ledger, cut at 1,024 bytes.
class DelayedMessages {
 public:
  DelayedMessages(const Client& client, DelayedPlace place);

  /// One page, in order of time. `page_size` at most 1,000, 0 means 100. NOT_FOUND; FAILED_PRECONDITION,
  /// EXCHANGE_NOT_DELAYED.
  Result<DelayedMessagePage> list(std::uint32_t page_size = 0, const std::string& page_token = {}) const;
  /// 1 to 1,000 ids. Those that were cancelled; all others do not wait there any more.
  Result<std::vector<std::string>> cancel(const std::vector<std::string>& ids, const std::string& reason = {}) const;
  /// The number of messages dropped.
  Result<std::uint64_t> purge(const std::string& reason = {}) const;

 private:
  std::shared_ptr<internal::Connection> connection_;
  DelayedPlace place_;
};

}  // namespace escrow::client
