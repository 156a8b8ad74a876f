// Exchanges, queues and bindings, and publishing without a transaction.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "client/cpp/client.h"
#include "client/cpp/message.h"

namespace escrow::client {

enum class ExchangeType : std::uint8_t {
  kDirect = 1,
  kFanout = 2,
  kTopic = 3,
  kHeaders = 4,
  kConsistentHash = 5,
  kDelayedMessage = 6
};

struct Binding {
  /// The exchange messages come from.
  std::string source = {};
  /// The queue they go to.
  std::string queue = {};
  /// Direct: equal. Topic: words with * (one) and # (any number). Fanout, headers: ignored. Consistent hash: the
  /// weight, a number above 0.
  std::string routing_key = {};
  /// Headers exchange: x-match and the values to match.
  FieldTable arguments = {};
  /// The exchange they go to, instead of a queue.
  std::string destination_exchange = {};
};

struct QueueStatus {
  std::string queue;
  std::uint64_t messages_ready = 0;
  std::uint64_t messages_unacknowledged = 0;
  std::uint32_t consumers = 0;
  FieldTable arguments;
  /// Were refused, and wait for being delivered again.
  std::uint64_t messages_retrying = 0;
  /// Names of those that apply; empty: none.
  std::string policy = {};
  std::string operator_policy = {};
  /// What the two say together.
  FieldTable effective_policy_definition = {};
};

struct QueuePage {
  std::vector<QueueStatus> queues;
  /// Empty: this was the last page.
  std::string next_page_token;
};

struct DeleteQueueOptions {
  /// Fail with QUEUE_IN_USE when it has consumers, with QUEUE_NOT_EMPTY when it has messages.
  bool if_unused = false;
  bool if_empty = false;
};

/// One virtual host of the broker. Thread-safe. All calls but publish() are idempotent and repeated, with
/// pauses, for ClientOptions::call_timeout.
class Broker {
 public:
  /// `vhost` empty: "/".
  explicit Broker(const Client& client, std::string vhost = {});

  /// Declaring what exists with the same properties changes nothing; with others it fails with
  /// DECLARATION_DIFFERS.
  Result<void> declare_exchange(const std::string& exchange, ExchangeType type, const FieldTable& arguments = {});
  Result<void> declare_queue(const std::string& queue, const FieldTable& arguments = {});
  Result<void> bind(const Binding& binding);

  Result<void> unbind(const Binding& binding);
  /// Deleting what does not exist changes nothing.
  Result<void> delete_exchange(const std::string& exchange, bool if_unused = false);
  /// The number of messages that went with it.
  Result<std::uint64_t> delete_queue(const std::string& queue, const DeleteQueueOptions& options = {});
  /// The number of messages dropped; those that consumers hold stay.
  Result<std::uint64_t> purge_queue(const std::string& queue);

  /// One page of the queues. `page_size` at most 1,000, 0 means 100.
  Result<QueuePage> list_queues(std::uint32_t page_size = 0, const std::string& page_token = {});

  /// The number of queues that took the message and have it on disk; 0: none was bound for it, and it is
  /// gone. The vhost is the message's own, or this one's when that is empty.
  ///
  /// Repeated only while the server refuses it for being full: publishing twice is two messages. After
  /// UNAVAILABLE, INTERNAL or DEADLINE_EXCEEDED it is unknown whether the message was taken.
  Result<std::uint32_t> publish(Message message);

 private:
  std::shared_ptr<internal::Connection> connection_;
  std::string vhost_;
};

}  // namespace escrow::client
