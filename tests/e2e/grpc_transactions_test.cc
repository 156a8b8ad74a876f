// What a service may rely on when it repeats calls, gives up on them, or loses its server in between.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/e2e/fixtures.h"

namespace escrow::e2e {
namespace {

using grpc::StatusCode;
using std::chrono::microseconds;
using testing::ElementsAre;

class Restarted : public ManyRuns, public testing::WithParamInterface<bool> {
 protected:
  void restart() {
    GetParam() ? crash() : stop();
    start();
  }
};
INSTANTIATE_TEST_SUITE_P(Each, Restarted, testing::Bool(),
                         [](const auto& run) { return std::string(run.param ? "AfterACrash" : "AfterAStop"); });

TEST_P(Restarted, repeated_calls_get_the_same_answers_and_change_nothing) {
  start();
  api().set_up_topology();
  const v1::PrepareRequest committed = Api::prepare_request("committed", "one");
  const v1::PrepareRequest rolled_back = Api::prepare_request("rolled back", "two");
  const v1::PrepareRequest open = Api::prepare_request("open", "three");
  std::map<std::string, std::uint64_t> epochs;
  for (const auto& request : {committed, rolled_back, open}) {
    v1::PrepareResponse response;
    ASSERT_TRUE(api().prepare(request, &response).ok());
    EXPECT_EQ(response.state(), v1::TRANSACTION_STATE_PREPARED);
    epochs[request.transaction_id()] = response.epoch();
  }
  ASSERT_TRUE(api().commit("committed", epochs["committed"], "paid").ok());
  ASSERT_TRUE(api().rollback("rolled back", epochs["rolled back"]).ok());
  const v1::Transaction before = api().get("committed");

  for (int run = 0; run < 2; ++run) {
    v1::PrepareResponse response;
    ASSERT_TRUE(api().prepare(committed, &response).ok());
    EXPECT_EQ(response.state(), v1::TRANSACTION_STATE_COMMITTED);
    EXPECT_EQ(response.epoch(), epochs["committed"]);
    ASSERT_TRUE(api().prepare(rolled_back, &response).ok());
    EXPECT_EQ(response.state(), v1::TRANSACTION_STATE_ROLLED_BACK);
    ASSERT_TRUE(api().prepare(open, &response).ok());
    EXPECT_EQ(response.state(), v1::TRANSACTION_STATE_PREPARED);
    EXPECT_EQ(response.epoch(), epochs["open"]);

    EXPECT_TRUE(api().commit("committed", epochs["committed"], "another reason").ok());
    EXPECT_TRUE(api().rollback("rolled back").ok());
    EXPECT_EQ(failure(api().rollback("committed")).metadata.at("state"), "COMMITTED");
    EXPECT_EQ(failure(api().commit("rolled back")).metadata.at("state"), "ROLLED_BACK");
    EXPECT_EQ(failure(api().prepare(Api::prepare_request("committed", "other"))).reason, "TRANSACTION_DIFFERS");
    EXPECT_EQ(api().get("committed").SerializeAsString(), before.SerializeAsString());
    if (run == 0) restart();
  }
  EXPECT_EQ(before.decided_by(), "guest");
  EXPECT_EQ(before.reason(), "paid");
  EXPECT_THAT(bodies(take_all(api(), 1)), ElementsAre("one"));
  EXPECT_EQ(api().queue().messages_ready(), 0U);
  EXPECT_TRUE(api().commit("open", epochs["open"]).ok());
  EXPECT_THAT(bodies(take_all(api(), 1)), ElementsAre("three"));
}

class Transactions : public OneServer {
 protected:
  /// One message, to this queue, which says the same as the id.
  static v1::PrepareRequest to_queue(const std::string& queue, const std::string& id) {
    v1::PrepareRequest request = Api::prepare_request(id, id);
    request.mutable_messages(0)->mutable_message()->set_exchange("");
    request.mutable_messages(0)->mutable_message()->set_routing_key(queue);
    return request;
  }
  static v1::CommitRequest commit_of(const v1::PrepareRequest& prepared) {
    v1::CommitRequest request;
    request.set_group(prepared.group());
    request.set_transaction_id(prepared.transaction_id());
    return request;
  }
  /// Whoever asks again finds out: prepares and commits them all, and then each message is there once.
  static void expect_once(const std::string& queue, const std::vector<std::string>& ids) {
    const auto context = make_context();
    const auto stream = api().coordinator().Transact(context.get());
    std::thread writer([&] {
      for (const std::string& id : ids) {
        v1::TransactRequest frame;
        *frame.add_operations()->mutable_prepare() = to_queue(queue, id);
        *frame.add_operations()->mutable_commit() = commit_of(frame.operations(0).prepare());
        stream->Write(frame);
      }
      stream->WritesDone();
    });
    v1::TransactResponse response;
    while (stream->Read(&response)) {
      for (const auto& result : response.results()) EXPECT_FALSE(result.has_error()) << result.error().message();
    }
    writer.join();
    EXPECT_TRUE(stream->Finish().ok());
    EXPECT_EQ(api().queue(queue).messages_ready(), ids.size());
    EXPECT_THAT(bodies(take_all(api(), ids.size(), queue)), testing::UnorderedElementsAreArray(ids));
  }
};

TEST_F(Transactions, calls_that_are_given_up_are_done_or_not_but_never_half) {
  constexpr int kCallers = 3;
  constexpr int kCalls = 100;
  ASSERT_TRUE(api().declare_queue("given up").ok());
  std::vector<std::string> ids;
  for (int i = 0; i < kCallers * kCalls; ++i) ids.push_back("given up " + std::to_string(i));
  std::vector<std::thread> callers;
  for (int caller = 0; caller < kCallers; ++caller) {
    callers.emplace_back([&, caller] {
      for (int i = 0; i < kCalls; ++i) {
        const v1::PrepareRequest prepare = to_queue("given up", ids[static_cast<std::size_t>(kCallers * i + caller)]);
        const v1::CommitRequest commit = commit_of(prepare);
        v1::PrepareResponse prepared;
        v1::CommitResponse committed;
        // Sooner and later in the life of a call, in two ways to end it.
        const microseconds patience(i * 15);
        const auto first = make_context();
        const auto second = make_context();
        if (i % 2 == 0) {
          first->set_deadline(std::chrono::system_clock::now() + patience);
          api().coordinator().Prepare(first.get(), prepare, &prepared);
          second->set_deadline(std::chrono::system_clock::now() + patience);
          api().coordinator().Commit(second.get(), commit, &committed);
        } else {
          grpc::CompletionQueue queue;
          grpc::Status status;
          const auto call = api().coordinator().AsyncPrepare(first.get(), prepare, &queue);
          call->Finish(&prepared, &status, nullptr);
          void* tag = nullptr;
          bool ok = false;
          queue.AsyncNext(&tag, &ok, std::chrono::system_clock::now() + patience);
          first->TryCancel();
          queue.Shutdown();
          while (queue.Next(&tag, &ok)) continue;
        }
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  expect_once("given up", ids);
}

TEST_F(Transactions, messages_of_one_transaction_become_visible_together_and_in_order) {
  ASSERT_TRUE(api().declare_queue("together").ok());
  v1::PrepareRequest request = to_queue("together", "together");
  request.mutable_messages(0)->mutable_message()->set_body("0");
  for (int i = 1; i < 10; ++i) {
    *request.add_messages() = request.messages(0);
    request.mutable_messages(i)->mutable_message()->set_body(std::to_string(i));
  }
  ASSERT_TRUE(api().prepare(request).ok());
  EXPECT_EQ(api().queue("together").messages_ready(), 0U);
  EXPECT_EQ(api().get("together").message_count(), 10U);
  ASSERT_TRUE(api().commit("together").ok());
  EXPECT_EQ(api().queue("together").messages_ready(), 10U);
  EXPECT_THAT(bodies(take_all(api(), 10, "together")), ElementsAre("0", "1", "2", "3", "4", "5", "6", "7", "8", "9"));
}

TEST_F(Transactions, what_is_committed_and_has_no_queue_is_parked) {
  ASSERT_TRUE(api().declare_exchange("unbound", v1::EXCHANGE_TYPE_TOPIC).ok());
  v1::PrepareRequest request = Api::prepare_request("homeless", "do not lose me");
  request.mutable_messages(0)->mutable_message()->set_exchange("unbound");
  ASSERT_TRUE(api().prepare(request).ok());
  ASSERT_TRUE(api().commit("homeless").ok());
  EXPECT_THAT(bodies(take_all(api(), 1, "escrow.parked")), ElementsAre("do not lose me"));
}

TEST_F(Transactions, transact_keeps_the_order_of_each_transaction_and_answers_every_tag) {
  const auto context = make_context();
  const auto stream = api().coordinator().Transact(context.get());
  constexpr std::uint64_t kTransactions = 500;
  std::thread writer([&] {
    // Prepare, commit and a contradiction of each, without waiting for any answer, in frames that cut
    // anywhere.
    v1::TransactRequest frame;
    for (std::uint64_t tag = 0; tag < 3 * kTransactions; ++tag) {
      v1::TransactRequest::Operation& operation = *frame.add_operations();
      operation.set_tag(tag);
      const std::string id = "stream " + std::to_string(tag / 3);
      if (tag % 3 == 0) {
        *operation.mutable_prepare() = Api::prepare_request(id);
      } else if (tag % 3 == 1) {
        operation.mutable_commit()->set_group("orders");
        operation.mutable_commit()->set_transaction_id(id);
      } else {
        operation.mutable_rollback()->set_group("orders");
        operation.mutable_rollback()->set_transaction_id(id);
      }
      if (frame.operations_size() < 7 && tag + 1 < 3 * kTransactions) continue;
      stream->Write(frame);
      frame.Clear();
    }
    stream->WritesDone();
  });
  std::set<std::uint64_t> answered;
  v1::TransactResponse response;
  while (stream->Read(&response)) {
    for (const auto& result : response.results()) {
      EXPECT_TRUE(answered.insert(result.tag()).second);
      switch (result.tag() % 3) {
        case 0:
          EXPECT_TRUE(result.has_prepare()) << result.error().message();
          break;
        case 1:
          EXPECT_TRUE(result.has_commit()) << result.error().message();
          break;
        default:
          expect(result.error(), StatusCode::FAILED_PRECONDITION, "ALREADY_DECIDED");
      }
    }
  }
  writer.join();
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(answered.size(), 3 * kTransactions);
  take_all(api(), kTransactions);
}

TEST_F(Transactions, an_operation_that_fails_takes_no_other_with_it) {
  const auto context = make_context();
  const auto stream = api().coordinator().Transact(context.get());
  prepare("good");
  prepare("stale");
  v1::TransactRequest frame;
  const auto commit = [&](const std::string& id, std::uint64_t epoch) {
    v1::TransactRequest::Operation& operation = *frame.add_operations();
    operation.set_tag(static_cast<std::uint64_t>(frame.operations_size()));
    operation.mutable_commit()->set_group("orders");
    operation.mutable_commit()->set_transaction_id(id);
    operation.mutable_commit()->set_epoch(epoch);
  };
  commit("never", 0);
  commit("good", 0);
  commit("", 0);
  commit("stale", 1'000'000);
  frame.add_operations()->set_tag(5);
  stream->Write(frame);
  stream->WritesDone();
  std::map<std::uint64_t, std::string> reasons;
  v1::TransactResponse response;
  while (stream->Read(&response)) {
    for (const auto& result : response.results()) {
      reasons[result.tag()] = result.has_error() ? failure(result.error()).reason : "OK";
    }
  }
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(reasons,
            (std::map<std::uint64_t, std::string>{
                {1, "TRANSACTION_UNKNOWN"}, {2, "OK"}, {3, "MALFORMED"}, {4, "EPOCH_STALE"}, {5, "MALFORMED"}}));
  take_all(api(), 1);
}

TEST_F(Transactions, a_cancelled_stream_leaves_whole_transactions) {
  ASSERT_TRUE(api().declare_queue("cancelled").ok());
  std::vector<std::string> ids;
  for (int i = 0; i < 1000; ++i) ids.push_back("cancelled " + std::to_string(i));
  const auto context = make_context();
  const auto stream = api().coordinator().Transact(context.get());
  v1::TransactRequest frame;
  for (const std::string& id : ids) {
    *frame.add_operations()->mutable_prepare() = to_queue("cancelled", id);
    *frame.add_operations()->mutable_commit() = commit_of(to_queue("cancelled", id));
    if (frame.operations_size() < 100) continue;
    stream->Write(frame);
    frame.Clear();
  }
  v1::TransactResponse response;
  ASSERT_TRUE(stream->Read(&response));
  context->TryCancel();
  while (stream->Read(&response)) continue;
  EXPECT_EQ(stream->Finish().error_code(), StatusCode::CANCELLED);
  expect_once("cancelled", ids);
}

class Lists : public OneServer {
 protected:
  /// Two groups with five of each state that a client can bring about.
  static void SetUpTestSuite() {
    OneServer::SetUpTestSuite();
    for (const char* group : {"list a", "list b"}) {
      for (int i = 0; i < 15; ++i) {
        v1::PrepareRequest request = Api::prepare_request(std::to_string(i));
        request.set_group(group);
        ASSERT_TRUE(api().prepare(request).ok());
        if (i % 3 == 1) {
          v1::CommitRequest commit;
          commit.set_group(group);
          commit.set_transaction_id(request.transaction_id());
          v1::CommitResponse response;
          ASSERT_TRUE(api().coordinator().Commit(make_context().get(), commit, &response).ok());
        } else if (i % 3 == 2) {
          v1::RollbackRequest rollback;
          rollback.set_group(group);
          rollback.set_transaction_id(request.transaction_id());
          v1::RollbackResponse response;
          ASSERT_TRUE(api().coordinator().Rollback(make_context().get(), rollback, &response).ok());
        }
      }
    }
  }

  /// Everything, page by page.
  static std::vector<v1::Transaction> list(v1::ListTransactionsRequest request, int* pages = nullptr) {
    std::vector<v1::Transaction> out;
    v1::ListTransactionsResponse page;
    do {
      request.set_page_token(page.next_page_token());
      const grpc::Status status = api().coordinator().ListTransactions(make_context().get(), request, &page);
      EXPECT_TRUE(status.ok()) << status.error_message();
      if (!status.ok()) return out;
      EXPECT_LE(page.transactions_size(), request.page_size() == 0 ? 100 : request.page_size());
      out.insert(out.end(), page.transactions().begin(), page.transactions().end());
      if (pages != nullptr) ++*pages;
    } while (!page.next_page_token().empty());
    return out;
  }
};

TEST_F(Lists, pages_hold_everything_once_open_ones_first) {
  v1::ListTransactionsRequest request;
  request.set_page_size(4);
  int pages = 0;
  const auto listed = list(request, &pages);
  EXPECT_GE(pages, 8);
  std::set<std::pair<std::string, std::string>> keys;
  bool decided = false;
  for (const v1::Transaction& t : listed) {
    keys.emplace(t.group(), t.transaction_id());
    EXPECT_FALSE(decided && t.state() == v1::TRANSACTION_STATE_PREPARED);
    decided |= t.state() != v1::TRANSACTION_STATE_PREPARED;
  }
  EXPECT_EQ(listed.size(), 30U);
  EXPECT_EQ(keys.size(), 30U);
}

TEST_F(Lists, filters_by_group_state_and_age) {
  for (const auto state :
       {v1::TRANSACTION_STATE_PREPARED, v1::TRANSACTION_STATE_COMMITTED, v1::TRANSACTION_STATE_ROLLED_BACK}) {
    v1::ListTransactionsRequest request;
    request.set_group("list b");
    request.set_state(state);
    const auto listed = list(request);
    EXPECT_EQ(listed.size(), 5U);
    for (const v1::Transaction& t : listed) {
      EXPECT_EQ(t.group(), "list b");
      EXPECT_EQ(t.state(), state);
    }
    request.mutable_min_age()->set_seconds(3600);
    EXPECT_TRUE(list(request).empty());
  }
  v1::ListTransactionsRequest in_doubt;
  in_doubt.set_state(v1::TRANSACTION_STATE_IN_DOUBT);
  EXPECT_TRUE(list(in_doubt).empty());
  v1::ListTransactionsRequest stranger;
  stranger.set_group("list");
  EXPECT_TRUE(list(stranger).empty());
}

TEST_F(Lists, tokens_are_good_for_their_own_list_and_sizes_for_one_to_a_thousand) {
  v1::ListTransactionsRequest request;
  v1::ListTransactionsResponse page;
  request.set_page_size(3);
  ASSERT_TRUE(api().coordinator().ListTransactions(make_context().get(), request, &page).ok());
  const auto refuses = [&](const v1::ListTransactionsRequest& wrong, const char* reason) {
    expect(api().coordinator().ListTransactions(make_context().get(), wrong, &page), StatusCode::INVALID_ARGUMENT,
           reason);
  };
  v1::ListTransactionsRequest other = request;
  other.set_page_token(page.next_page_token());
  other.set_group("list a");
  refuses(other, "MALFORMED");
  other = request;
  other.set_page_token("nonsense");
  refuses(other, "MALFORMED");
  other = request;
  other.set_page_size(1001);
  refuses(other, "LIMIT_EXCEEDED");
  other.set_page_size(-1);
  refuses(other, "MALFORMED");
  other.set_page_size(1000);
  EXPECT_TRUE(api().coordinator().ListTransactions(make_context().get(), other, &page).ok());
  EXPECT_EQ(page.transactions_size(), 30);
}

}  // namespace
}  // namespace escrow::e2e
