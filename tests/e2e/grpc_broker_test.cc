// The bundled broker through gRPC: where messages go, who gets them, and what becomes of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "tests/e2e/fixtures.h"

namespace escrow::e2e {
namespace {

using grpc::StatusCode;
using testing::ElementsAre;
using testing::IsEmpty;
using Request = v1::ConsumeRequest;
using Deliveries = std::vector<v1::ConsumeResponse::Delivery>;

v1::Message message(const std::string& exchange, const std::string& routing_key, const std::string& body) {
  v1::Message out;
  out.set_exchange(exchange);
  out.set_routing_key(routing_key);
  out.set_body(body);
  return out;
}

std::vector<bool> redelivered(const Deliveries& deliveries) {
  std::vector<bool> out;
  for (const auto& delivery : deliveries) out.push_back(delivery.redelivered());
  return out;
}

class Broker : public OneServer {
 protected:
  /// A queue with messages of these bodies.
  static void fill(const std::string& queue, const std::vector<std::string>& bodies) {
    ASSERT_TRUE(api().declare_queue(queue).ok());
    for (const std::string& body : bodies) ASSERT_TRUE(api().publish(message("", queue, body)).ok());
  }
  static v1::BindRequest binding(const std::string& source, const std::string& queue, const std::string& key) {
    v1::BindRequest request;
    request.set_source(source);
    request.set_queue(queue);
    request.set_routing_key(key);
    return request;
  }
  /// How many queues it went to.
  static std::uint32_t publish(const v1::Message& message) {
    std::uint32_t count = 0;
    const grpc::Status status = api().publish(message, &count);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return count;
  }
};

TEST_F(Broker, a_direct_exchange_routes_by_equal_keys) {
  ASSERT_TRUE(api().declare_exchange("direct", v1::EXCHANGE_TYPE_DIRECT).ok());
  for (const char* queue : {"direct a", "direct b"}) {
    ASSERT_TRUE(api().declare_queue(queue).ok());
    ASSERT_TRUE(api().bind(binding("direct", queue, queue)).ok());
    ASSERT_TRUE(api().bind(binding("direct", queue, "both")).ok());
  }
  EXPECT_EQ(publish(message("direct", "direct a", "")), 1U);
  EXPECT_EQ(publish(message("direct", "both", "")), 2U);
  EXPECT_EQ(publish(message("direct", "neither", "")), 0U);
  EXPECT_EQ(api().queue("direct a").messages_ready(), 2U);
  EXPECT_EQ(api().queue("direct b").messages_ready(), 1U);
}

TEST_F(Broker, a_fanout_exchange_routes_to_every_queue) {
  ASSERT_TRUE(api().declare_exchange("fanout", v1::EXCHANGE_TYPE_FANOUT).ok());
  for (const char* queue : {"fanout a", "fanout b", "fanout c"}) {
    ASSERT_TRUE(api().declare_queue(queue).ok());
    ASSERT_TRUE(api().bind(binding("fanout", queue, "whatever")).ok());
  }
  EXPECT_EQ(publish(message("fanout", "anything", "")), 3U);
}

TEST_F(Broker, a_topic_exchange_routes_by_patterns_of_words) {
  ASSERT_TRUE(api().declare_exchange("topic", v1::EXCHANGE_TYPE_TOPIC).ok());
  for (const char* pattern : {"order.*.eu", "order.#", "#.eu"}) {
    ASSERT_TRUE(api().declare_queue(pattern).ok());
    ASSERT_TRUE(api().bind(binding("topic", pattern, pattern)).ok());
  }
  EXPECT_EQ(publish(message("topic", "order.placed.eu", "")), 3U);
  EXPECT_EQ(publish(message("topic", "order", "")), 1U);
  EXPECT_EQ(publish(message("topic", "invoice.eu", "")), 1U);
  EXPECT_EQ(publish(message("topic", "invoice.us", "")), 0U);
}

TEST_F(Broker, a_headers_exchange_routes_by_what_the_message_says) {
  ASSERT_TRUE(api().declare_exchange("headers", v1::EXCHANGE_TYPE_HEADERS).ok());
  for (const char* match : {"all", "any"}) {
    ASSERT_TRUE(api().declare_queue(match).ok());
    v1::BindRequest request = binding("headers", match, "");
    auto& fields = *request.mutable_arguments()->mutable_fields();
    fields["x-match"].set_string_value(match);
    fields["region"].set_string_value("eu");
    fields["express"].set_bool_value(true);
    ASSERT_TRUE(api().bind(request).ok());
  }
  v1::Message one = message("headers", "", "");
  (*one.mutable_properties()->mutable_headers()->mutable_fields())["region"].set_string_value("eu");
  EXPECT_EQ(publish(one), 1U);
  (*one.mutable_properties()->mutable_headers()->mutable_fields())["express"].set_bool_value(true);
  EXPECT_EQ(publish(one), 2U);
  EXPECT_EQ(publish(message("headers", "", "")), 0U);
}

TEST_F(Broker, what_is_unbound_or_deleted_gets_nothing) {
  ASSERT_TRUE(api().declare_exchange("gone", v1::EXCHANGE_TYPE_FANOUT).ok());
  ASSERT_TRUE(api().declare_queue("left").ok());
  ASSERT_TRUE(api().bind(binding("gone", "left", "")).ok());
  EXPECT_EQ(publish(message("gone", "", "")), 1U);
  v1::UnbindRequest unbind;
  v1::UnbindResponse unbound;
  unbind.set_source("gone");
  unbind.set_queue("left");
  ASSERT_TRUE(api().broker().Unbind(make_context().get(), unbind, &unbound).ok());
  EXPECT_EQ(publish(message("gone", "", "")), 0U);
  v1::DeleteExchangeRequest remove;
  v1::DeleteExchangeResponse removed;
  remove.set_exchange("gone");
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(api().broker().DeleteExchange(make_context().get(), remove, &removed).ok());
  }
  expect(api().publish(message("gone", "", "")), StatusCode::NOT_FOUND, "EXCHANGE_UNKNOWN");
}

TEST_F(Broker, declaring_says_what_is_there_and_deleting_what_was_dropped) {
  fill("declared", {"a", "b"});
  v1::DeclareQueueRequest declare;
  v1::DeclareQueueResponse declared;
  declare.set_queue("declared");
  ASSERT_TRUE(api().broker().DeclareQueue(make_context().get(), declare, &declared).ok());
  EXPECT_EQ(declared.message_count(), 2U);
  EXPECT_EQ(declared.consumer_count(), 0U);
  (*declare.mutable_arguments()->mutable_fields())["x-max-length"].set_int32_value(5);
  const Failure differs = failure(api().broker().DeclareQueue(make_context().get(), declare, &declared));
  EXPECT_EQ(differs.reason, "DECLARATION_DIFFERS");
  EXPECT_EQ(differs.metadata.at("property"), "x-max-length");
  v1::DeleteQueueRequest remove;
  v1::DeleteQueueResponse removed;
  remove.set_queue("declared");
  ASSERT_TRUE(api().broker().DeleteQueue(make_context().get(), remove, &removed).ok());
  EXPECT_EQ(removed.message_count(), 2U);
  ASSERT_TRUE(api().broker().DeleteQueue(make_context().get(), remove, &removed).ok());
  EXPECT_EQ(removed.message_count(), 0U);
}

TEST_F(Broker, a_stream_of_messages_is_answered_frame_by_frame_in_order) {
  ASSERT_TRUE(api().declare_queue("streamed").ok());
  constexpr int kFrames = 50;
  constexpr int kMessages = 20;
  const auto context = make_context();
  const auto stream = api().broker().PublishStream(context.get());
  std::thread writer([&] {
    for (int frame = 0; frame < kFrames; ++frame) {
      v1::PublishStreamRequest request;
      for (int i = 0; i < kMessages; ++i) {
        *request.add_messages() = message("", i == 7 ? "nowhere" : "streamed", std::to_string(frame * kMessages + i));
      }
      *request.add_messages() = message("nowhere", "", std::to_string(frame));
      stream->Write(request);
    }
    stream->WritesDone();
  });
  int frames = 0;
  v1::PublishStreamResponse response;
  for (; stream->Read(&response); ++frames) {
    ASSERT_EQ(response.outcomes_size(), kMessages + 1);
    for (int i = 0; i < kMessages; ++i) EXPECT_EQ(response.outcomes(i).queue_count(), i == 7 ? 0U : 1U);
    expect(response.outcomes(kMessages).error(), StatusCode::NOT_FOUND, "EXCHANGE_UNKNOWN");
  }
  writer.join();
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(frames, kFrames);
  const std::vector<std::string> found = bodies(take_all(api(), kFrames * (kMessages - 1), "streamed"));
  int next = 0;
  for (const std::string& body : found) {
    if (next % kMessages == 7) ++next;
    EXPECT_EQ(body, std::to_string(next++));
  }
}

TEST_F(Broker, no_more_is_delivered_than_the_consumer_granted_credit_for) {
  fill("credit", {"1", "2", "3", "4", "5"});
  Consuming consuming(api(), "credit", 2);
  EXPECT_THAT(bodies(consuming.take(2)), ElementsAre("1", "2"));
  EXPECT_EQ(api().queue("credit").messages_ready(), 3U);
  EXPECT_EQ(api().queue("credit").messages_unacknowledged(), 2U);
  EXPECT_EQ(api().queue("credit").consumers(), 1U);
  // Settling alone grants nothing: what comes next was asked for.
  consuming.settle(Request::OUTCOME_ACK, 1, 2);
  consuming.grant(1);
  EXPECT_THAT(bodies(consuming.take(1)), ElementsAre("3"));
  EXPECT_EQ(api().queue("credit").messages_ready(), 2U);
  EXPECT_EQ(api().queue("credit").messages_unacknowledged(), 1U);
}

TEST_F(Broker, with_auto_credit_each_settled_message_makes_room_for_one_more) {
  std::vector<std::string> all;
  for (int i = 0; i < 50; ++i) all.push_back(std::to_string(i));
  fill("window", all);
  Consuming consuming(api(), "window", 3, true);
  std::vector<std::string> found;
  while (found.size() < all.size()) {
    const Deliveries deliveries = consuming.take(1);
    ASSERT_EQ(deliveries.size(), 1U);
    found.push_back(deliveries[0].message().body());
    EXPECT_EQ(deliveries[0].tag(), found.size());
    consuming.settle(Request::OUTCOME_ACK, deliveries[0].tag(), deliveries[0].tag());
  }
  EXPECT_EQ(found, all);
  EXPECT_TRUE(consuming.finish().ok());
  EXPECT_EQ(api().queue("window").messages_ready(), 0U);
  EXPECT_EQ(api().queue("window").messages_unacknowledged(), 0U);
}

TEST_F(Broker, messages_are_done_dropped_or_put_back_as_the_consumer_says) {
  fill("settled", {"ack", "reject", "requeue", "leave"});
  Consuming consuming(api(), "settled", 4);
  EXPECT_THAT(redelivered(consuming.take(4)), ElementsAre(false, false, false, false));
  consuming.settle(Request::OUTCOME_ACK, 1, 1);
  consuming.settle(Request::OUTCOME_REJECT, 2, 2);
  consuming.settle(Request::OUTCOME_REQUEUE, 3, 3);
  consuming.settle(Request::OUTCOME_ACK, 1, 3);  // settled before, and so passed over
  consuming.grant(1);
  const Deliveries again = consuming.take(1);
  EXPECT_THAT(bodies(again), ElementsAre("requeue"));
  EXPECT_TRUE(again[0].redelivered());
  EXPECT_EQ(again[0].delivery_count(), 1U);
  EXPECT_EQ(again[0].tag(), 5U);
  EXPECT_TRUE(consuming.finish().ok());
  EXPECT_THAT(bodies(take_all(api(), 2, "settled")), ElementsAre("requeue", "leave"));
}

TEST_F(Broker, an_error_is_not_lost_to_the_half_close_right_after_it) {
  fill("hasty", {"1"});
  Consuming consuming(api(), "hasty", 1);
  ASSERT_EQ(consuming.take(1).size(), 1U);
  consuming.settle(Request::OUTCOME_ACK, 1, 2);
  expect(consuming.finish(), StatusCode::INVALID_ARGUMENT, "MALFORMED");
}

TEST_F(Broker, what_was_not_delivered_cannot_be_settled) {
  fill("guessed", {"1", "2"});
  Consuming early(api(), "guessed", 0);
  early.settle(Request::OUTCOME_ACK, 1, 1);
  EXPECT_TRUE(early.take(1).empty());
  expect(early.finish(), StatusCode::INVALID_ARGUMENT, "MALFORMED");
  Consuming late(api(), "guessed", 1);
  ASSERT_EQ(late.take(1).size(), 1U);
  late.settle(Request::OUTCOME_ACK, 1, 2);
  EXPECT_TRUE(late.take(1).empty());
  expect(late.finish(), StatusCode::INVALID_ARGUMENT, "MALFORMED");
  EXPECT_EQ(take_all(api(), 2, "guessed").size(), 2U);
}

TEST_F(Broker, what_was_put_back_takes_its_old_place) {
  fill("order", {"1", "2", "3", "4", "5", "6"});
  Consuming consuming(api(), "order", 4);
  ASSERT_EQ(consuming.take(4).size(), 4U);
  consuming.settle(Request::OUTCOME_REQUEUE, 4, 4);
  consuming.settle(Request::OUTCOME_REQUEUE, 2, 2);
  EXPECT_TRUE(consuming.finish().ok());
  EXPECT_THAT(bodies(take_all(api(), 6, "order")), ElementsAre("1", "2", "3", "4", "5", "6"));
}

TEST_F(Broker, a_cancelled_consumer_leaves_everything_flagged) {
  fill("cancelled", {"1", "2", "3"});
  Consuming consuming(api(), "cancelled", 2);
  ASSERT_EQ(consuming.take(2).size(), 2U);
  EXPECT_EQ(consuming.cancel().error_code(), StatusCode::CANCELLED);
  const Deliveries found = take_all(api(), 3, "cancelled");
  EXPECT_THAT(bodies(found), ElementsAre("1", "2", "3"));
  EXPECT_THAT(redelivered(found), ElementsAre(true, true, false));
  EXPECT_EQ(found[0].delivery_count(), 1U);
  EXPECT_EQ(found[2].delivery_count(), 0U);
}

TEST_F(Broker, a_purge_drops_what_nobody_holds) {
  fill("purged", {"held", "dropped", "dropped too"});
  Consuming consuming(api(), "purged", 1);
  ASSERT_EQ(consuming.take(1).size(), 1U);
  v1::PurgeQueueRequest request;
  v1::PurgeQueueResponse response;
  request.set_queue("purged");
  ASSERT_TRUE(api().broker().PurgeQueue(make_context().get(), request, &response).ok());
  EXPECT_EQ(response.message_count(), 2U);
  consuming.cancel();
  EXPECT_THAT(bodies(take_all(api(), 1, "purged")), ElementsAre("held"));
}

TEST_F(Broker, the_end_of_its_queue_ends_a_consumer) {
  fill("ending", {"1"});
  Consuming consuming(api(), "ending", 10);
  ASSERT_EQ(consuming.take(1).size(), 1U);
  v1::DeleteQueueRequest request;
  v1::DeleteQueueResponse response;
  request.set_queue("ending");
  ASSERT_TRUE(api().broker().DeleteQueue(make_context().get(), request, &response).ok());
  EXPECT_THAT(consuming.take(1), IsEmpty());
  expect(consuming.finish(), StatusCode::NOT_FOUND, "QUEUE_UNKNOWN");
}

TEST_F(Broker, queues_are_listed_in_pages_by_name) {
  for (int i = 10; i < 30; ++i) ASSERT_TRUE(api().declare_queue("list " + std::to_string(i)).ok());
  v1::ListQueuesRequest request;
  v1::ListQueuesResponse page;
  request.set_page_size(7);
  std::vector<std::string> names;
  do {
    request.set_page_token(page.next_page_token());
    ASSERT_TRUE(api().broker().ListQueues(make_context().get(), request, &page).ok());
    EXPECT_LE(page.queues_size(), 7);
    for (const v1::Queue& queue : page.queues()) names.push_back(queue.queue());
  } while (!page.next_page_token().empty());
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
  EXPECT_EQ(std::count_if(names.begin(), names.end(), [](const auto& name) { return name.starts_with("list "); }), 20);
}

class Restarts : public ManyRuns, public testing::WithParamInterface<bool> {};
INSTANTIATE_TEST_SUITE_P(Each, Restarts, testing::Bool(),
                         [](const auto& run) { return std::string(run.param ? "ACrash" : "AStop"); });

TEST_P(Restarts, keep_messages_in_order_with_everything_they_say) {
  start();
  api().set_up_topology();
  v1::Message sent = message("orders", "order.placed", std::string(10'000, 'x'));
  v1::Properties& properties = *sent.mutable_properties();
  properties.set_content_type("application/json");
  properties.set_content_encoding("identity");
  properties.set_persistent(true);
  properties.set_priority(3);
  properties.set_correlation_id("correlation");
  properties.set_reply_to("replies");
  properties.set_message_id("id");
  properties.mutable_timestamp()->set_seconds(1'700'000'000);
  properties.set_type("order.placed");
  properties.set_user_id("guest");
  properties.set_app_id("shop");
  auto& headers = *properties.mutable_headers()->mutable_fields();
  headers["text"].set_string_value("ä");
  headers["number"].set_int64_value(-5);
  headers["nested"].mutable_table_value()->mutable_fields()->operator[]("deep").set_bool_value(true);
  headers["list"].mutable_array_value()->add_values()->set_double_value(0.5);
  ASSERT_TRUE(api().publish(sent).ok());
  for (int i = 1; i < 8; ++i) ASSERT_TRUE(api().publish(message("orders", "order", std::to_string(i))).ok());
  {
    Consuming consuming(api(), "shipping", 4);
    ASSERT_EQ(consuming.take(4).size(), 4U);
    consuming.settle(Request::OUTCOME_REQUEUE, 2, 2);
    consuming.settle(Request::OUTCOME_ACK, 3, 3);
    EXPECT_TRUE(consuming.finish().ok());
  }
  // Ordered after the acknowledgement, and durable: so the acknowledgement is too.
  ASSERT_TRUE(api().publish(message("orders", "order", "8")).ok());
  GetParam() ? crash() : stop();
  start();
  const Deliveries found = take_all(api(), 8);
  EXPECT_THAT(bodies(found), ElementsAre(sent.body(), "1", "3", "4", "5", "6", "7", "8"));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(found[static_cast<std::size_t>(i)].redelivered());
  v1::Message received = found[0].message();
  EXPECT_EQ(received.vhost(), "/");
  received.clear_vhost();
  EXPECT_EQ(received.DebugString(), sent.DebugString());
  // And what was declared.
  std::uint32_t queues = 0;
  EXPECT_TRUE(api().publish(message("orders", "order.more", ""), &queues).ok());
  EXPECT_EQ(queues, 1U);
}

}  // namespace
}  // namespace escrow::e2e
