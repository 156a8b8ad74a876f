#include "client/cpp/client.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "client/cpp/broker.h"
#include "client/cpp/transactions.h"
#include "tests/unit/client/cpp/fake_server.h"

namespace escrow::client {
namespace {

using std::chrono::milliseconds;

TEST(Client, every_call_carries_basic_authentication) {
  Events<std::string> authorization;
  FakeServer server;
  server.broker.on_list_queues = [&](const grpc::ServerContext& context, const auto&, auto&) {
    const auto found = context.client_metadata().find("authorization");
    if (found != context.client_metadata().end()) {
      authorization.add(std::string(found->second.data(), found->second.size()));
    }
    return grpc::Status::OK;
  };
  server.start();
  ASSERT_TRUE(server.client().ping());
  EXPECT_EQ(authorization.take(), "Basic Z3Vlc3Q6c2VjcmV0");  // guest:secret
}

TEST(Client, wrong_credentials_fail_at_once) {
  std::atomic<int> calls = 0;
  FakeServer server;
  server.broker.on_list_queues = [&](const auto&, const auto&, auto&) {
    ++calls;
    return refusal(grpc::StatusCode::UNAUTHENTICATED, "CREDENTIALS_WRONG");
  };
  server.start();
  const auto result = server.client().ping();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().reason, "CREDENTIALS_WRONG");
  EXPECT_EQ(calls, 1);
}

TEST(Client, calls_are_repeated_until_the_server_is_there) {
  FakeServer server;
  server.start();
  const Client client = server.client();
  server.stop();
  EXPECT_FALSE(client.wait_connected(milliseconds(1)));
  Gate calling;
  auto ping = std::async(std::launch::async, [&] {
    calling.open();
    return client.ping();
  });
  calling.wait();
  server.start();
  EXPECT_TRUE(ping.get());
  EXPECT_TRUE(client.wait_connected(kPatience));
}

TEST(Client, an_unreachable_server_is_reported_when_the_time_is_over) {
  FakeServer server;
  server.start();
  ClientOptions options = server.client_options();
  server.stop();
  options.call_timeout = milliseconds(50);
  const auto result = Client(options).ping();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kUnavailable);
}

TEST(Client, an_attempt_without_answer_is_repeated) {
  std::atomic<int> calls = 0;
  Events<int> released;
  FakeServer server;
  server.broker.on_list_queues = [&](const auto&, const auto&, auto&) {
    if (++calls == 1) released.take();
    return grpc::Status::OK;
  };
  server.start();
  ClientOptions options = server.client_options();
  options.attempt_timeout = milliseconds(300);
  EXPECT_TRUE(Client(options).ping());
  EXPECT_GE(calls, 2);
  released.add(1);
}

TEST(Broker, publish_is_repeated_while_the_server_is_full) {
  std::atomic<int> calls = 0;
  FakeServer server;
  server.broker.on_publish = [&](const v1::PublishRequest& request, v1::PublishResponse& response) {
    EXPECT_EQ(request.message().vhost(), "shop");
    if (++calls < 3) return refusal(grpc::StatusCode::RESOURCE_EXHAUSTED, "ENGINE_FULL", {}, milliseconds(2));
    response.set_queue_count(4);
    return grpc::Status::OK;
  };
  server.start();
  const auto published = Broker(server.client(), "shop").publish({.exchange = "orders", .body = "x"});
  ASSERT_TRUE(published);
  EXPECT_EQ(*published, 4u);
  EXPECT_EQ(calls, 3);
}

TEST(Broker, publish_is_not_repeated_when_it_may_have_happened) {
  std::atomic<int> calls = 0;
  FakeServer server;
  server.broker.on_publish = [&](const auto&, auto&) {
    ++calls;
    return grpc::Status(grpc::StatusCode::UNAVAILABLE, "lost");
  };
  server.start();
  EXPECT_FALSE(Broker(server.client()).publish({.exchange = "orders", .body = "x"}));
  EXPECT_EQ(calls, 1);
}

TEST(Broker, declarations_say_what_they_declare) {
  Events<v1::DeclareExchangeRequest> exchanges;
  Events<v1::BindRequest> bindings;
  FakeServer server;
  server.broker.on_declare_exchange = [&](const auto& request) { return exchanges.add(request), grpc::Status::OK; };
  server.broker.on_bind = [&](const auto& request) { return bindings.add(request), grpc::Status::OK; };
  server.start();
  Broker broker(server.client());
  ASSERT_TRUE(broker.declare_exchange("orders", ExchangeType::kTopic, {{"alternate-exchange", "lost"}}));
  const auto exchange = exchanges.take();
  EXPECT_EQ(exchange->exchange(), "orders");
  EXPECT_EQ(exchange->type(), v1::EXCHANGE_TYPE_TOPIC);
  EXPECT_EQ(exchange->arguments().fields().at("alternate-exchange").string_value(), "lost");
  ASSERT_TRUE(broker.bind({.source = "orders", .queue = "shipping", .routing_key = "placed.#"}));
  const auto binding = bindings.take();
  EXPECT_EQ(binding->source(), "orders");
  EXPECT_EQ(binding->queue(), "shipping");
  EXPECT_EQ(binding->routing_key(), "placed.#");
}

TEST(Transactions, a_page_is_read_with_its_filter) {
  FakeServer server;
  server.coordinator.on_list = [](const v1::ListTransactionsRequest& request, v1::ListTransactionsResponse& response) {
    EXPECT_EQ(request.group(), "orders");
    EXPECT_EQ(request.state(), v1::TRANSACTION_STATE_IN_DOUBT);
    EXPECT_EQ(request.min_age().seconds(), 1);
    EXPECT_EQ(request.min_age().nanos(), 500'000'000);
    EXPECT_EQ(request.page_token(), "before");
    auto& transaction = *response.add_transactions();
    transaction.set_transaction_id("order-1");
    transaction.set_state(v1::TRANSACTION_STATE_IN_DOUBT);
    transaction.set_check_attempts(15);
    transaction.set_waiting_for_producer(true);
    response.set_next_page_token("next");
    return grpc::Status::OK;
  };
  server.start();
  const auto page =
      Transactions(server.client())
          .list({.group = "orders", .state = TransactionState::kInDoubt, .min_age = milliseconds(1500)}, 10, "before");
  ASSERT_TRUE(page);
  ASSERT_EQ(page->transactions.size(), 1u);
  const Transaction& transaction = page->transactions.front();
  EXPECT_EQ(transaction.transaction_id, "order-1");
  EXPECT_EQ(transaction.state, TransactionState::kInDoubt);
  EXPECT_EQ(transaction.check_attempts, 15u);
  EXPECT_TRUE(transaction.waiting_for_producer);
  EXPECT_FALSE(transaction.decide_time);
  EXPECT_EQ(page->next_page_token, "next");
}

TEST(Transactions, an_unknown_id_is_not_found) {
  FakeServer server;
  server.coordinator.on_get = [](const auto&, auto&) {
    return refusal(grpc::StatusCode::NOT_FOUND, "TRANSACTION_UNKNOWN");
  };
  server.start();
  const auto transaction = Transactions(server.client()).get("orders", "order-1");
  ASSERT_FALSE(transaction);
  EXPECT_EQ(transaction.error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace escrow::client
