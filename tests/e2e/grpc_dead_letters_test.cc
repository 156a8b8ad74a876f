// Dead letters through gRPC: what operators see of them, and what becomes of what they do.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "escrow/v1/dead_letters.grpc.pb.h"
#include "tests/e2e/fixtures.h"

namespace escrow::e2e {
namespace {

using grpc::StatusCode;
using testing::ElementsAre;

class DeadLetters : public OneServer {
 protected:
  /// `name`.dead has messages of these bodies, which were rejected in `name`.
  static void make_dead(const std::string& name, const std::vector<std::string>& bodies) {
    v1::DeclareQueueRequest request;
    v1::DeclareQueueResponse response;
    request.set_queue(name);
    auto& arguments = *request.mutable_arguments()->mutable_fields();
    arguments["x-dead-letter-exchange"].set_string_value("");
    arguments["x-dead-letter-routing-key"].set_string_value(name + ".dead");
    ASSERT_TRUE(api().broker().DeclareQueue(make_context().get(), request, &response).ok());
    ASSERT_TRUE(api().declare_queue(name + ".dead").ok());
    for (const std::string& body : bodies) publish(name, body);
    Consuming consuming(api(), name, static_cast<std::uint32_t>(bodies.size()));
    ASSERT_EQ(consuming.take(bodies.size()).size(), bodies.size());
    consuming.settle(v1::ConsumeRequest::OUTCOME_REJECT, 1, bodies.size());
    ASSERT_TRUE(consuming.finish().ok());
  }
  static void publish(const std::string& queue, const std::string& body) {
    v1::Message message;
    message.set_routing_key(queue);
    message.set_body(body);
    ASSERT_TRUE(api().publish(message).ok());
  }
  static v1::DeadLetters::Stub& letters() {
    static const auto stub = v1::DeadLetters::NewStub(server().channel());
    return *stub;
  }
  static v1::ListDeadLettersResponse list(const std::string& queue, int page_size = 0, const std::string& token = "") {
    v1::ListDeadLettersRequest request;
    v1::ListDeadLettersResponse response;
    request.set_queue(queue);
    request.set_page_size(page_size);
    request.set_page_token(token);
    EXPECT_TRUE(letters().ListDeadLetters(make_context().get(), request, &response).ok());
    return response;
  }
  static grpc::Status get(const std::string& queue, const std::string& id, v1::DeadLetter* letter = nullptr) {
    v1::GetDeadLetterRequest request;
    v1::DeadLetter response;
    request.set_queue(queue);
    request.set_id(id);
    return letters().GetDeadLetter(make_context().get(), request, letter == nullptr ? &response : letter);
  }
  static grpc::Status redrive(const v1::RedriveDeadLettersRequest& request,
                              v1::RedriveDeadLettersResponse* response = nullptr) {
    v1::RedriveDeadLettersResponse unused;
    return letters().RedriveDeadLetters(make_context().get(), request, response == nullptr ? &unused : response);
  }
  static grpc::Status discard(const v1::DiscardDeadLettersRequest& request,
                              v1::DiscardDeadLettersResponse* response = nullptr) {
    v1::DiscardDeadLettersResponse unused;
    return letters().DiscardDeadLetters(make_context().get(), request, response == nullptr ? &unused : response);
  }
};

TEST_F(DeadLetters, are_listed_with_how_they_died_and_shown_with_their_bodies) {
  make_dead("seen", {"a", "b", "c"});
  const v1::ListDeadLettersResponse first = list("seen.dead", 2);
  ASSERT_EQ(first.dead_letters_size(), 2);
  const v1::DeadLetter& letter = first.dead_letters(0);
  EXPECT_EQ(letter.message().routing_key(), "seen.dead");
  EXPECT_EQ(letter.message().vhost(), "/");
  EXPECT_EQ(letter.message().body(), "");
  EXPECT_EQ(letter.body_bytes(), 1u);
  EXPECT_GT(letter.enqueue_time().seconds(), 0);
  EXPECT_FALSE(letter.held());
  EXPECT_EQ(letter.last_death().reason(), "rejected");
  EXPECT_EQ(letter.last_death().queue(), "seen");
  EXPECT_EQ(letter.last_death().routing_key(), "seen");
  EXPECT_EQ(letter.last_death().count(), 1u);
  EXPECT_GT(letter.last_death().first_time().seconds(), 0);
  EXPECT_EQ(letter.first_death().queue(), "seen");
  ASSERT_NE(first.next_page_token(), "");
  const v1::ListDeadLettersResponse second = list("seen.dead", 2, first.next_page_token());
  EXPECT_EQ(second.dead_letters_size(), 1);
  EXPECT_EQ(second.next_page_token(), "");

  v1::DeadLetter shown;
  ASSERT_TRUE(get("seen.dead", second.dead_letters(0).id(), &shown).ok());
  EXPECT_EQ(shown.message().body(), "c");
  expect(get("seen.dead", "99999-1"), StatusCode::NOT_FOUND, "DEAD_LETTER_UNKNOWN");
  expect(get("nowhere", "1-1"), StatusCode::NOT_FOUND, "QUEUE_UNKNOWN");
  expect(get("seen.dead", "x"), StatusCode::INVALID_ARGUMENT, "MALFORMED");
}

TEST_F(DeadLetters, go_back_to_where_they_died_or_where_the_request_says) {
  make_dead("again", {"a", "b", "c"});
  v1::RedriveDeadLettersRequest request;
  v1::RedriveDeadLettersResponse response;
  request.set_queue("again.dead");
  request.mutable_filter()->set_reason(v1::DEATH_REASON_EXPIRED);
  ASSERT_TRUE(redrive(request, &response).ok());
  EXPECT_EQ(response.redriven(), 0u);
  request.mutable_filter()->set_reason(v1::DEATH_REASON_REJECTED);
  request.mutable_filter()->set_died_in("again");
  request.set_limit(1);
  ASSERT_TRUE(redrive(request, &response).ok());
  EXPECT_EQ(response.redriven(), 1u);
  EXPECT_THAT(bodies(take_all(api(), 1, "again")), ElementsAre("a"));

  request.clear_filter();
  const v1::ListDeadLettersResponse left = list("again.dead");
  for (const v1::DeadLetter& letter : left.dead_letters()) request.add_ids(letter.id());
  request.clear_limit();
  request.set_to_exchange("orders");
  ASSERT_TRUE(redrive(request, &response).ok());
  EXPECT_EQ(response.not_routable(), 2u);
  request.set_to_routing_key("order.again");
  ASSERT_TRUE(redrive(request, &response).ok());
  EXPECT_EQ(response.redriven(), 2u);
  EXPECT_THAT(bodies(take_all(api(), 2)), ElementsAre("b", "c"));
  ASSERT_TRUE(redrive(request, &response).ok());
  EXPECT_EQ(response.unavailable(), 2u);
}

TEST_F(DeadLetters, are_dropped_for_a_reason) {
  make_dead("dropped", {"a", "b"});
  v1::DiscardDeadLettersRequest request;
  v1::DiscardDeadLettersResponse response;
  request.set_queue("dropped.dead");
  request.mutable_filter();
  expect(discard(request), StatusCode::INVALID_ARGUMENT, "MALFORMED");
  request.set_reason("test data");
  ASSERT_TRUE(discard(request, &response).ok());
  EXPECT_EQ(response.discarded(), 2u);
  EXPECT_EQ(list("dropped.dead").dead_letters_size(), 0);
}

TEST_F(DeadLetters, what_no_queue_took_is_parked_and_published_again) {
  // The exchange is there when it is prepared, and routes to nobody when it is committed.
  v1::PrepareRequest prepare = Api::prepare_request("parked", "a");
  prepare.mutable_messages(0)->mutable_message()->set_routing_key("nobody");
  ASSERT_TRUE(api().prepare(prepare).ok());
  ASSERT_TRUE(api().commit("parked").ok());
  const v1::ListDeadLettersResponse parked = list("");
  ASSERT_EQ(parked.dead_letters_size(), 1);
  EXPECT_FALSE(parked.dead_letters(0).has_last_death());
  v1::RedriveDeadLettersRequest request;
  v1::RedriveDeadLettersResponse response;
  request.add_ids(parked.dead_letters(0).id());
  ASSERT_TRUE(redrive(request, &response).ok());
  EXPECT_EQ(response.not_routable(), 1u);
  v1::BindRequest bind;
  bind.set_source("orders");
  bind.set_queue("shipping");
  bind.set_routing_key("nobody");
  ASSERT_TRUE(api().bind(bind).ok());
  ASSERT_TRUE(redrive(request, &response).ok());
  EXPECT_EQ(response.redriven(), 1u);
  EXPECT_THAT(bodies(take_all(api(), 1)), ElementsAre("a"));
}

TEST_F(DeadLetters, requests_that_say_nothing_sensible_are_refused) {
  v1::RedriveDeadLettersRequest request;
  expect(redrive(request), StatusCode::INVALID_ARGUMENT, "MALFORMED");
  request.mutable_filter();
  request.add_ids("1-1");
  expect(redrive(request), StatusCode::INVALID_ARGUMENT, "MALFORMED");
  request.clear_filter();
  request.set_to_routing_key("k");
  expect(redrive(request), StatusCode::INVALID_ARGUMENT, "MALFORMED");
  request.clear_to_routing_key();
  request.set_to_exchange("nowhere");
  expect(redrive(request), StatusCode::NOT_FOUND, "EXCHANGE_UNKNOWN");
  request.set_to_queue("nowhere");
  expect(redrive(request), StatusCode::NOT_FOUND, "QUEUE_UNKNOWN");
  request.clear_to();
  request.set_reason(std::string(1025, 'r'));
  expect(redrive(request), StatusCode::INVALID_ARGUMENT, "LIMIT_EXCEEDED");
  request.set_reason(std::string(1024, 'r'));
  EXPECT_TRUE(redrive(request).ok());
  for (int i = 2; i <= 1000; ++i) request.add_ids("1-" + std::to_string(i));
  EXPECT_TRUE(redrive(request).ok());
  request.add_ids("1-1001");
  expect(redrive(request), StatusCode::INVALID_ARGUMENT, "LIMIT_EXCEEDED");
}

}  // namespace
}  // namespace escrow::e2e
