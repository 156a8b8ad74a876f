// Every refusal of the API, with its code, its reason and its metadata, against the real server.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "tests/e2e/fixtures.h"

namespace escrow::e2e {
namespace {

using grpc::StatusCode;

class Errors : public OneServer {
 protected:
  using OneServer::prepare;
  static grpc::Status prepare(const v1::PrepareRequest& request) { return api().prepare(request); }
};

TEST_F(Errors, unknown_transactions_are_not_found) {
  expect(api().commit("never"), StatusCode::NOT_FOUND, "TRANSACTION_UNKNOWN");
  expect(api().rollback("never"), StatusCode::NOT_FOUND, "TRANSACTION_UNKNOWN");
  v1::GetTransactionRequest request;
  request.set_group("orders");
  request.set_transaction_id("never");
  v1::Transaction response;
  expect(api().coordinator().GetTransaction(make_context().get(), request, &response), StatusCode::NOT_FOUND,
         "TRANSACTION_UNKNOWN");
}

TEST_F(Errors, the_opposite_decision_is_told_the_winner) {
  prepare("decided");
  ASSERT_TRUE(api().commit("decided").ok());
  const Failure found = failure(api().rollback("decided"));
  EXPECT_EQ(found.code, StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(found.reason, "ALREADY_DECIDED");
  EXPECT_EQ(found.metadata.at("state"), "COMMITTED");
  EXPECT_EQ(found.metadata.at("decided_by"), "guest");
  EXPECT_FALSE(found.metadata.at("decided_at").empty());
}

TEST_F(Errors, the_same_id_with_other_content_is_refused) {
  prepare("taken", "one");
  expect(prepare(Api::prepare_request("taken", "two")), StatusCode::ALREADY_EXISTS, "TRANSACTION_DIFFERS");
}

TEST_F(Errors, a_stale_epoch_is_told_the_current_one) {
  const std::uint64_t epoch = prepare("stale");
  const Failure found = failure(api().commit("stale", epoch + 1000));
  EXPECT_EQ(found.code, StatusCode::ABORTED);
  EXPECT_EQ(found.reason, "EPOCH_STALE");
  EXPECT_EQ(found.metadata.at("epoch"), std::to_string(epoch));
}

TEST_F(Errors, malformed_requests_change_nothing) {
  v1::PrepareRequest empty;
  expect(prepare(empty), StatusCode::INVALID_ARGUMENT, "MALFORMED");
  v1::PrepareRequest nowhere = Api::prepare_request("nowhere");
  nowhere.clear_messages();
  expect(prepare(nowhere), StatusCode::INVALID_ARGUMENT, "MALFORMED");
  v1::PrepareRequest impostor = Api::prepare_request("impostor");
  impostor.mutable_messages(0)->mutable_message()->mutable_properties()->set_user_id("somebody");
  expect(prepare(impostor), StatusCode::INVALID_ARGUMENT, "MALFORMED");
  expect(api().commit("impostor"), StatusCode::NOT_FOUND, "TRANSACTION_UNKNOWN");
}

TEST_F(Errors, limits_hold_at_the_limit_and_one_past_it) {
  const auto with_id = [](std::size_t size) { return prepare(Api::prepare_request(std::string(size, 'i'))); };
  EXPECT_TRUE(with_id(255).ok());
  expect(with_id(256), StatusCode::INVALID_ARGUMENT, "LIMIT_EXCEEDED");
  const auto with_messages = [](int count) {
    v1::PrepareRequest request = Api::prepare_request("messages " + std::to_string(count));
    while (request.messages_size() < count) *request.add_messages() = request.messages(0);
    return prepare(request);
  };
  EXPECT_TRUE(with_messages(256).ok());
  expect(with_messages(257), StatusCode::INVALID_ARGUMENT, "LIMIT_EXCEEDED");
  const std::string why(1024, 'r');
  prepare("reason");
  expect(api().commit("reason", 0, why + "r"), StatusCode::INVALID_ARGUMENT, "LIMIT_EXCEEDED");
  EXPECT_TRUE(api().commit("reason", 0, why).ok());
}

TEST_F(Errors, a_large_transaction_names_its_limit) {
  v1::PrepareRequest request = Api::prepare_request("large", std::string(10 << 20, 'x'));
  *request.add_messages() = request.messages(0);
  const Failure found = failure(prepare(request));
  EXPECT_EQ(found.code, StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(found.reason, "LIMIT_EXCEEDED");
  EXPECT_EQ(found.metadata.at("limit"), "transaction_bytes");
  EXPECT_EQ(found.metadata.at("maximum"), std::to_string((16 << 20) + (512 << 10)));
}

TEST_F(Errors, a_transaction_may_hold_the_largest_message) {
  EXPECT_TRUE(prepare(Api::prepare_request("largest", std::string(16 << 20, 'x'))).ok());
}

TEST_F(Errors, one_message_may_have_sixteen_mebibytes) {
  v1::PublishRequest request;
  v1::PublishResponse response;
  request.mutable_message()->set_routing_key("shipping");
  request.mutable_message()->set_body(std::string(16 << 20, 'x'));
  EXPECT_TRUE(api().broker().Publish(make_context().get(), request, &response).ok());
  request.mutable_message()->mutable_body()->push_back('x');
  expect(api().broker().Publish(make_context().get(), request, &response), StatusCode::INVALID_ARGUMENT,
         "LIMIT_EXCEEDED");
  v1::PurgeQueueRequest purge;
  v1::PurgeQueueResponse purged;
  purge.set_queue("shipping");
  EXPECT_TRUE(api().broker().PurgeQueue(make_context().get(), purge, &purged).ok());
}

TEST_F(Errors, what_is_not_implemented_yet_says_so) {
  const auto with = [](const char* field, auto set) {
    v1::PrepareRequest request = Api::prepare_request("later");
    set(*request.mutable_messages(0));
    const Failure found = failure(prepare(request));
    EXPECT_EQ(found.code, StatusCode::UNIMPLEMENTED);
    EXPECT_EQ(found.reason, "FIELD_UNIMPLEMENTED");
    EXPECT_EQ(found.metadata.at("field"), field);
  };
  with("sink", [](v1::TransactionMessage& m) { m.set_sink("kafka"); });
  with("compensation", [](v1::TransactionMessage& m) { m.mutable_compensation()->mutable_message(); });
}

TEST_F(Errors, wrong_credentials_are_refused_everywhere) {
  v1::PrepareResponse response;
  for (const auto& [user, password] : {std::pair{"guest", "guess"}, {"admin", "guest"}, {"", ""}}) {
    expect(api().coordinator().Prepare(make_context(user, password).get(), Api::prepare_request("x"), &response),
           StatusCode::UNAUTHENTICATED, "CREDENTIALS_WRONG");
  }
  grpc::ClientContext without;
  v1::ListQueuesResponse queues;
  expect(api().broker().ListQueues(&without, {}, &queues), StatusCode::UNAUTHENTICATED, "CREDENTIALS_WRONG");
}

TEST_F(Errors, unknown_exchanges_and_queues_are_not_found) {
  v1::PrepareRequest request = Api::prepare_request("unrouted");
  request.mutable_messages(0)->mutable_message()->set_exchange("nowhere");
  expect(prepare(request), StatusCode::NOT_FOUND, "EXCHANGE_UNKNOWN");
  v1::PublishRequest publish;
  v1::PublishResponse published;
  publish.mutable_message()->set_exchange("nowhere");
  expect(api().broker().Publish(make_context().get(), publish, &published), StatusCode::NOT_FOUND, "EXCHANGE_UNKNOWN");
  v1::PurgeQueueRequest purge;
  v1::PurgeQueueResponse purged;
  purge.set_queue("nowhere");
  expect(api().broker().PurgeQueue(make_context().get(), purge, &purged), StatusCode::NOT_FOUND, "QUEUE_UNKNOWN");
  const auto context = make_context();
  const auto stream = api().broker().Consume(context.get());
  v1::ConsumeRequest open;
  open.mutable_open()->set_queue("nowhere");
  stream->Write(open);
  v1::ConsumeResponse response;
  EXPECT_FALSE(stream->Read(&response));
  expect(stream->Finish(), StatusCode::NOT_FOUND, "QUEUE_UNKNOWN");
}

TEST_F(Errors, the_servers_names_are_its_own) {
  v1::DeclareExchangeRequest exchange;
  v1::DeclareExchangeResponse response;
  exchange.set_type(v1::EXCHANGE_TYPE_DIRECT);
  exchange.set_exchange("amq.mine");
  expect(api().broker().DeclareExchange(make_context().get(), exchange, &response), StatusCode::PERMISSION_DENIED,
         "NAME_RESERVED");
  v1::DeclareQueueRequest queue;
  v1::DeclareQueueResponse declared;
  queue.set_queue("escrow.mine");
  expect(api().broker().DeclareQueue(make_context().get(), queue, &declared), StatusCode::PERMISSION_DENIED,
         "NAME_RESERVED");
}

TEST_F(Errors, a_different_declaration_is_refused) {
  v1::DeclareExchangeRequest exchange;
  v1::DeclareExchangeResponse response;
  exchange.set_exchange("orders");
  exchange.set_type(v1::EXCHANGE_TYPE_FANOUT);
  const Failure found = failure(api().broker().DeclareExchange(make_context().get(), exchange, &response));
  EXPECT_EQ(found.code, StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(found.reason, "DECLARATION_DIFFERS");
  EXPECT_EQ(found.metadata.at("property"), "type");
}

TEST_F(Errors, a_long_property_names_its_limit) {
  v1::Message message;
  message.set_routing_key("shipping");
  message.mutable_properties()->set_message_id(std::string(256, 'i'));
  const Failure found = failure(api().publish(message));
  EXPECT_EQ(found.code, StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(found.reason, "LIMIT_EXCEEDED");
  EXPECT_EQ(found.metadata.at("limit"), "property_bytes");
  EXPECT_EQ(found.metadata.at("maximum"), "255");
  message.mutable_properties()->mutable_message_id()->pop_back();
  EXPECT_TRUE(api().publish(message).ok());
}

TEST_F(Errors, what_is_in_use_or_not_empty_is_not_deleted_when_asked_not_to) {
  ASSERT_TRUE(api().declare_queue("kept").ok());
  v1::Message message;
  message.set_routing_key("kept");
  ASSERT_TRUE(api().publish(message).ok());
  v1::DeleteQueueRequest request;
  v1::DeleteQueueResponse response;
  request.set_queue("kept");
  request.set_if_empty(true);
  expect(api().broker().DeleteQueue(make_context().get(), request, &response), StatusCode::FAILED_PRECONDITION,
         "QUEUE_NOT_EMPTY");
  Consuming consuming(api(), "kept", 1);
  ASSERT_EQ(consuming.take(1).size(), 1U);
  request.set_if_empty(false);
  request.set_if_unused(true);
  expect(api().broker().DeleteQueue(make_context().get(), request, &response), StatusCode::FAILED_PRECONDITION,
         "QUEUE_IN_USE");
  v1::DeleteExchangeRequest exchange;
  v1::DeleteExchangeResponse deleted;
  exchange.set_exchange("orders");
  exchange.set_if_unused(true);
  expect(api().broker().DeleteExchange(make_context().get(), exchange, &deleted), StatusCode::FAILED_PRECONDITION,
         "EXCHANGE_IN_USE");
}

TEST_F(Errors, other_virtual_hosts_than_the_default_are_unknown) {
  v1::Message message;
  message.set_vhost("elsewhere");
  expect(api().publish(message), StatusCode::NOT_FOUND, "VHOST_UNKNOWN");
  message.set_vhost("/");
  message.set_routing_key("shipping");
  EXPECT_TRUE(api().publish(message).ok());
}

using FullEngine = ManyRuns;

TEST_F(FullEngine, refuses_whole_frames_and_is_there_again_for_who_tries_again) {
  start({"--limits-inbox-commands=64"});
  api().set_up_topology();
  constexpr int kOperations = 1000;
  std::atomic<int> refused = 0;
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  const auto run = [&](const std::string& name) {
    const auto context = make_context();
    const auto stream = api().coordinator().Transact(context.get());
    v1::TransactRequest frame;
    for (int tag = 0; tag < kOperations; ++tag) {
      frame.add_operations()->set_tag(static_cast<std::uint64_t>(tag));
      *frame.mutable_operations(tag)->mutable_prepare() = Api::prepare_request(name + std::to_string(tag));
    }
    // More than there is room for, it only gets in while nothing else waits, and so is in the way of the
    // others.
    for (bool again = true; again && std::chrono::steady_clock::now() < deadline;) {
      stream->Write(frame);
      v1::TransactResponse response;
      int failed = 0;
      for (int answered = 0; answered < kOperations && stream->Read(&response); answered += response.results_size()) {
        for (const auto& result : response.results()) {
          if (result.has_prepare()) continue;
          expect(result.error(), StatusCode::RESOURCE_EXHAUSTED, "ENGINE_FULL");
          ++failed;
        }
      }
      EXPECT_TRUE(failed == 0 || failed == kOperations) << failed;
      refused += failed;
      again = failed > 0 || refused == 0;
    }
    stream->WritesDone();
    EXPECT_TRUE(stream->Finish().ok());
  };
  std::vector<std::thread> producers;
  for (const char* name : {"a", "b", "c"}) producers.emplace_back(run, name);
  for (std::thread& producer : producers) producer.join();
  EXPECT_GT(refused, 0);
  EXPECT_EQ(api().get("c999").state(), v1::TRANSACTION_STATE_PREPARED);
}

}  // namespace
}  // namespace escrow::e2e
