// The C++ client against a real server: what both promise together.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "client/cpp/broker.h"
#include "client/cpp/consumer.h"
#include "client/cpp/producer.h"
#include "client/cpp/transactions.h"
#include "client/cpp/transactor.h"
#include "server/configuration_loader.h"
#include "server/server.h"
#include "tests/support/server_process.h"

namespace escrow::client {
namespace {

using std::chrono::milliseconds;
using testing::UnorderedElementsAre;

/// How long a test waits for what must come; reached only by a test that fails.
constexpr std::chrono::seconds kPatience{30};

/// Counts by name, for a test to wait for. Thread-safe.
class Tally {
 public:
  void add(const std::string& name) {
    const std::lock_guard lock(mutex_);
    ++counts_[name];
    ++total_;
    changed_.notify_all();
  }
  bool wait_for_total(std::size_t total) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return total_ >= total; });
  }
  std::map<std::string, int> counts() {
    const std::lock_guard lock(mutex_);
    return counts_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, int> counts_;
  std::size_t total_ = 0;
};

/// A server in this process, with the queue "shipping" bound to the exchange "orders".
class ClientTest : public testing::Test {
 protected:
  ClientTest() {
    char pattern[] = "/tmp/escrow-client-XXXXXX";
    directory_ = ::mkdtemp(pattern);
    start();
    Broker broker(client());
    EXPECT_TRUE(broker.declare_exchange("orders", ExchangeType::kTopic));
    EXPECT_TRUE(broker.declare_queue("shipping"));
    EXPECT_TRUE(broker.bind({.source = "orders", .queue = "shipping", .routing_key = "placed.#"}));
  }
  ~ClientTest() override {
    server_.reset();
    std::filesystem::remove_all(directory_);
  }

  void start() {
    server::ConfigurationSources sources;
    sources.environment = {{"ESCROW_DATA_DIR", directory_},     {"ESCROW_DEV", "true"},
                           {"ESCROW_GRPC_BIND", address_.host}, {"ESCROW_GRPC_PORT", address_.port},
                           {"ESCROW_AMQP_PORT", "0"},           {"ESCROW_HTTP_PORT", "0"},
                           {"ESCROW_METRICS_PORT", "0"},        {"ESCROW_CHECKS_BASE_INTERVAL", "100ms"}};
    const auto loaded = server::load_configuration(sources);
    ASSERT_TRUE(loaded) << loaded.error().message;
    auto started = server::Server::start(loaded->configuration);
    ASSERT_TRUE(started) << started.error().message;
    server_ = *std::move(started);
  }
  /// Breaks off what is under way.
  void stop() { server_.reset(); }

  Client client(const std::string& password = "guest") const {
    return Client({.target = address_.target(),
                   .user = "guest",
                   .password = password,
                   .call_timeout = kPatience,
                   .backoff = {.initial = milliseconds(5), .maximum = milliseconds(100)}});
  }
  static std::vector<Message> message(const std::string& body) {
    return {{.exchange = "orders", .routing_key = "placed.eu", .body = body}};
  }
  QueueStatus queue() const {
    const auto page = Broker(client()).list_queues();
    EXPECT_TRUE(page);
    for (const QueueStatus& status : page->queues) {
      if (status.queue == "shipping") return status;
    }
    ADD_FAILURE() << "no queue";
    return {};
  }
  /// Everything in the queue, by body.
  std::map<std::string, int> drain(std::size_t expected) const {
    Tally delivered;
    Consumer consumer(client(), {.queue = "shipping"}, [&](const Delivery& delivery) {
      delivered.add(delivery.message.body);
      return Settlement::kAck;
    });
    EXPECT_TRUE(delivered.wait_for_total(expected));
    consumer.stop();
    EXPECT_EQ(queue().messages_ready + queue().messages_unacknowledged, 0u);
    return delivered.counts();
  }

  const Loopback address_ = Loopback::free();
  std::string directory_;
  std::unique_ptr<server::Server> server_;
};

TEST_F(ClientTest, a_committed_message_arrives_as_it_was_sent) {
  Producer producer(client(), "service");
  const Message sent{.exchange = "orders",
                     .routing_key = "placed.eu",
                     .body = std::string("\0binary\xff", 8),
                     .properties = {.content_type = "application/json",
                                    .headers = {{"attempt", 3}, {"nested", FieldTable{{"deep", true}}}},
                                    .priority = 4,
                                    .message_id = "order-1",
                                    .timestamp = Timestamp(std::chrono::seconds(1'700'000'000)),
                                    .type = "order.placed"}};
  ASSERT_TRUE(producer.send("order-1", {sent}, [] {}).committed());

  Message received;
  Tally delivered;
  Consumer consumer(client(), {.queue = "shipping"}, [&](const Delivery& delivery) {
    received = delivery.message;
    EXPECT_FALSE(delivery.redelivered);
    delivered.add("one");
    return Settlement::kAck;
  });
  ASSERT_TRUE(delivered.wait_for_total(1));
  consumer.stop();
  EXPECT_EQ(received.exchange, sent.exchange);
  EXPECT_EQ(received.routing_key, sent.routing_key);
  EXPECT_EQ(received.body, sent.body);
  EXPECT_EQ(received.properties.content_type, sent.properties.content_type);
  EXPECT_EQ(received.properties.headers, sent.properties.headers);
  EXPECT_EQ(received.properties.priority, sent.properties.priority);
  EXPECT_EQ(received.properties.message_id, sent.properties.message_id);
  EXPECT_EQ(received.properties.timestamp, sent.properties.timestamp);
  EXPECT_EQ(received.properties.type, sent.properties.type);
}

TEST_F(ClientTest, only_what_was_committed_arrives) {
  Producer producer(client(), "service");
  EXPECT_TRUE(producer.send("a", message("a"), [] {}).committed());
  EXPECT_EQ(producer.send("b", message("b"), [] { throw RolledBack("no"); }).outcome, SendOutcome::kRolledBack);
  EXPECT_EQ(producer.send("c", message("c"), [] { return Decision::kUnknown; }).outcome, SendOutcome::kUndecided);
  EXPECT_TRUE(producer.send("d", message("d"), [] {}).committed());
  EXPECT_THAT(drain(2), UnorderedElementsAre(std::pair("a", 1), std::pair("d", 1)));

  const Transactions transactions(client());
  EXPECT_EQ(transactions.get("service", "a")->state, TransactionState::kCommitted);
  EXPECT_EQ(transactions.get("service", "a")->decided_by, "guest");
  EXPECT_EQ(transactions.get("service", "b")->reason, "no");
  const auto open = transactions.list({.group = "service", .state = TransactionState::kPrepared});
  ASSERT_EQ(open->transactions.size(), 1u);
  EXPECT_EQ(open->transactions[0].transaction_id, "c");
}

TEST_F(ClientTest, sending_again_what_was_decided_runs_nothing) {
  Producer producer(client(), "service");
  ASSERT_TRUE(producer.send("a", message("a"), [] {}).committed());
  const SendResult again = producer.send("a", message("a"), [] { FAIL() << "must not run"; });
  EXPECT_TRUE(again.committed());
  EXPECT_FALSE(again.local_transaction_run);
  const SendResult other = producer.send("a", message("something else"), [] { FAIL() << "must not run"; });
  EXPECT_EQ(other.error->reason, "TRANSACTION_DIFFERS");
  EXPECT_THAT(drain(1), UnorderedElementsAre(std::pair("a", 1)));
}

TEST_F(ClientTest, a_check_decides_what_the_service_left_open) {
  Producer producer(client(), "service");
  Tally asked;
  producer.on_check([&](const Check& check) -> CheckAnswer {
    asked.add(check.transaction_id);
    EXPECT_EQ(check.messages.at(0).exchange, "orders");
    if (check.transaction_id == "late" && check.attempt == 1) throw std::runtime_error("not yet");
    return {check.transaction_id == "no" ? Verdict::kRollback : Verdict::kCommit, "looked it up"};
  });
  ASSERT_TRUE(producer.wait_for_checks(kPatience));
  for (const char* id : {"yes", "no", "late"}) {
    producer.send(id, message(id), [] { return Decision::kUnknown; }, {.first_check_delay = milliseconds(50)});
  }
  EXPECT_THAT(drain(2), UnorderedElementsAre(std::pair("yes", 1), std::pair("late", 1)));
  ASSERT_TRUE(asked.wait_for_total(4));
  producer.stop();
  EXPECT_EQ(asked.counts()["late"], 2);
  EXPECT_EQ(Transactions(client()).get("service", "no")->state, TransactionState::kRolledBack);
  EXPECT_EQ(Transactions(client()).get("service", "no")->reason, "looked it up");
}

TEST_F(ClientTest, a_decision_against_a_check_is_a_contradiction) {
  Producer producer(client(), "service");
  Tally asked;
  producer.on_check([&](const Check&) {
    asked.add("once");
    return Verdict::kRollback;  // without a barrier: too early
  });
  const Transactions transactions(client());
  const SendResult result =
      producer.send("slow", message("slow"),
                    [&] {
                      ASSERT_TRUE(asked.wait_for_total(1));
                      while (transactions.get("service", "slow")->state == TransactionState::kPrepared)
                        std::this_thread::yield();
                    },
                    {.first_check_delay = milliseconds(10)});
  EXPECT_EQ(result.outcome, SendOutcome::kContradicted);
  EXPECT_EQ(result.error->reason, "ALREADY_DECIDED");
}

TEST_F(ClientTest, a_restart_of_the_server_passes_unnoticed) {
  constexpr int kOrders = 200;
  Producer producer(client(), "service");
  producer.on_check([](const Check&) { return Verdict::kCommit; });
  ASSERT_TRUE(producer.wait_for_checks(kPatience));
  std::atomic<int> committed = 0;
  std::thread service([&] {
    for (int i = 0; i < kOrders; ++i) {
      if (producer.send(std::to_string(i), message(std::to_string(i)), [] {}).committed()) ++committed;
    }
  });
  for (int restarts = 0; restarts < 3; ++restarts) {
    while (committed < (restarts + 1) * kOrders / 5) std::this_thread::yield();
    stop();
    start();
  }
  service.join();
  EXPECT_EQ(committed, kOrders);
  EXPECT_TRUE(producer.wait_for_checks(kPatience));
  EXPECT_GE(producer.check_health().opened, 2u);
  const auto delivered = drain(kOrders);
  EXPECT_EQ(delivered.size(), static_cast<std::size_t>(kOrders));
  for (const auto& [body, count] : delivered) EXPECT_EQ(count, 1) << body;
}

TEST_F(ClientTest, a_transactor_goes_on_after_a_restart) {
  constexpr int kOrders = 3000;
  Transactor transactor(client(), "service", {.window = 256});
  std::atomic<int> committed = 0;
  for (int i = 0; i < kOrders; ++i) {
    const std::string id = std::to_string(i);
    transactor.prepare(id, message(id), {}, [&, id](const Result<Prepared>& prepared) {
      ASSERT_TRUE(prepared) << prepared.error().message;
      transactor.commit({.transaction_id = id, .epoch = prepared->epoch}, [&](const Result<Timestamp>& result) {
        ASSERT_TRUE(result) << result.error().message;
        ++committed;
      });
    });
    if (i == kOrders / 2) {
      stop();
      start();
    }
  }
  transactor.drain();
  transactor.drain();  // the commits, which came from callbacks
  EXPECT_EQ(committed, kOrders);
  EXPECT_GE(transactor.health().opened, 2u);
  const auto delivered = drain(kOrders);
  EXPECT_EQ(delivered.size(), static_cast<std::size_t>(kOrders));
  for (const auto& [body, count] : delivered) EXPECT_EQ(count, 1) << body;
}

TEST_F(ClientTest, what_is_put_back_comes_again_flagged) {
  Broker broker(client());
  ASSERT_EQ(*broker.publish({.exchange = "orders", .routing_key = "placed.eu", .body = "a"}), 1u);
  ASSERT_EQ(*broker.publish({.exchange = "orders", .routing_key = "cancelled", .body = "b"}), 0u);
  Tally delivered;
  Consumer consumer(client(), {.queue = "shipping"}, [&](const Delivery& delivery) {
    const bool first = delivery.delivery_count == 0;
    EXPECT_EQ(delivery.redelivered, !first);
    delivered.add(delivery.message.body);
    return first ? Settlement::kRequeue : Settlement::kAck;
  });
  ASSERT_TRUE(delivered.wait_for_total(2));
  consumer.stop();
  EXPECT_EQ(delivered.counts()["a"], 2);
  EXPECT_EQ(queue().messages_ready + queue().messages_unacknowledged, 0u);
}

TEST_F(ClientTest, a_consumer_leaves_what_it_did_not_handle) {
  Broker broker(client());
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(broker.publish({.exchange = "orders", .routing_key = "placed.eu", .body = std::to_string(i)}));
  }
  Tally delivered;
  Consumer consumer(client(), {.queue = "shipping"}, [&](const Delivery& delivery) {
    delivered.add(delivery.message.body);
    // Holds the first one until the consumer is to stop.
    if (delivery.message.body == "0") delivered.wait_for_total(2);
    return Settlement::kAck;
  });
  ASSERT_TRUE(delivered.wait_for_total(1));
  std::thread stopping([&] { consumer.stop(); });
  while (queue().messages_unacknowledged == 0) std::this_thread::yield();
  delivered.add("stop");
  stopping.join();
  const auto handled = delivered.counts();
  EXPECT_EQ(drain(50 - (handled.size() - 1)).size(), 50 - (handled.size() - 1));
}

TEST_F(ClientTest, a_consumer_goes_on_after_a_restart) {
  Broker broker(client());
  Tally delivered;
  Consumer consumer(client(), {.queue = "shipping"}, [&](const Delivery& delivery) {
    delivered.add(delivery.message.body);
    return Settlement::kAck;
  });
  ASSERT_TRUE(broker.publish({.exchange = "orders", .routing_key = "placed.eu", .body = "before"}));
  ASSERT_TRUE(delivered.wait_for_total(1));
  stop();
  start();
  while (!broker.publish({.exchange = "orders", .routing_key = "placed.eu", .body = "after"})) {
  }
  while (delivered.counts()["after"] == 0) std::this_thread::yield();
}

TEST_F(ClientTest, the_servers_errors_keep_their_reasons) {
  EXPECT_EQ(client("wrong").ping().error().reason, "CREDENTIALS_WRONG");
  Producer producer(client(), "service");
  EXPECT_EQ(producer.send("a", {{.exchange = "nowhere"}}, [] {}).error->reason, "EXCHANGE_UNKNOWN");
  EXPECT_EQ(producer.commit({.transaction_id = "never"}).error().reason, "TRANSACTION_UNKNOWN");
  const auto prepared = producer.prepare("b", message("b"));
  ASSERT_TRUE(prepared);
  EXPECT_EQ(producer.commit({.transaction_id = "b", .epoch = prepared->epoch + 1}).error().reason, "EPOCH_STALE");
  ASSERT_TRUE(producer.commit({.transaction_id = "b", .epoch = prepared->epoch}));
  const auto opposite = producer.rollback({.transaction_id = "b", .epoch = prepared->epoch});
  EXPECT_EQ(opposite.error().reason, "ALREADY_DECIDED");
  EXPECT_THAT(opposite.error().metadata, testing::Contains(testing::Pair("decided_by", "guest")));
  Broker broker(client());
  EXPECT_EQ(broker.declare_exchange("orders", ExchangeType::kFanout).error().reason, "DECLARATION_DIFFERS");
  EXPECT_EQ(*broker.purge_queue("shipping"), 1u);
  EXPECT_EQ(*broker.delete_queue("shipping"), 0u);
  EXPECT_EQ(broker.purge_queue("shipping").error().reason, "QUEUE_UNKNOWN");
}

}  // namespace
}  // namespace escrow::client
