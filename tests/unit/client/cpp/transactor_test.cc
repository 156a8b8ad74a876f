#include "client/cpp/transactor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <set>

#include "tests/unit/client/cpp/fake_server.h"

namespace escrow::client {
namespace {

using std::chrono::milliseconds;
using Operation = v1::TransactRequest::Operation;

/// Answers as a server would that finds nothing wrong; epochs are tags.
v1::TransactResponse::Result good_answer(const Operation& operation) {
  v1::TransactResponse::Result result;
  result.set_tag(operation.tag());
  if (operation.has_prepare()) {
    result.mutable_prepare()->set_epoch(operation.tag());
    result.mutable_prepare()->set_state(v1::TRANSACTION_STATE_PREPARED);
  } else if (operation.has_commit()) {
    result.mutable_commit()->mutable_decided_time()->set_seconds(1000);
  } else {
    result.mutable_rollback()->mutable_decided_time()->set_seconds(2000);
  }
  return result;
}

class TransactorTest : public testing::Test {
 protected:
  using Stream = FakeCoordinator::TransactStream;

  TransactorTest() { serve(good_answer); }

  void serve(const std::function<v1::TransactResponse::Result(const Operation&)>& answer) {
    server_.coordinator.on_transact = [answer](Stream& stream) {
      v1::TransactRequest request;
      while (stream.Read(&request)) {
        v1::TransactResponse response;
        for (const auto& operation : request.operations()) *response.add_results() = answer(operation);
        stream.Write(response);
      }
      return grpc::Status::OK;
    };
  }
  Transactor& transactor(const TransactorOptions& options = {}) {
    if (!transactor_) {
      server_.start();
      transactor_ = std::make_unique<Transactor>(server_.client(), "orders", options);
    }
    return *transactor_;
  }
  /// Ends what may still use a local variable of the test.
  void finish() {
    transactor_.reset();
    server_.stop();
  }
  static std::vector<Message> a_message() { return {{.exchange = "orders", .body = "x"}}; }

  FakeServer server_;
  std::unique_ptr<Transactor> transactor_;
};

TEST_F(TransactorTest, every_kind_of_operation_gets_its_answer) {
  auto prepared = transactor().prepare("order-1", a_message());
  EXPECT_EQ(prepared.get()->epoch, 1u);
  auto committed = transactor().commit({.transaction_id = "order-1", .epoch = 1});
  EXPECT_EQ(*committed.get(), Timestamp(std::chrono::seconds(1000)));
  auto rolled_back = transactor().rollback({.transaction_id = "order-2", .epoch = 2});
  EXPECT_EQ(*rolled_back.get(), Timestamp(std::chrono::seconds(2000)));
}

TEST_F(TransactorTest, thousands_of_transactions_run_through_callbacks) {
  constexpr int kTransactions = 5000;
  std::atomic<int> committed = 0;
  Transactor& t = transactor({.window = 100});
  for (int i = 0; i < kTransactions; ++i) {
    const std::string id = std::to_string(i);
    t.prepare(id, a_message(), {}, [&t, &committed, id](const Result<Prepared>& prepared) {
      ASSERT_TRUE(prepared);
      t.commit({.transaction_id = id, .epoch = prepared->epoch}, [&committed](const Result<Timestamp>& result) {
        if (result) ++committed;
      });
    });
  }
  t.drain();  // the prepares
  t.drain();  // the commits their callbacks submitted
  EXPECT_EQ(committed, kTransactions);
}

TEST_F(TransactorTest, an_error_belongs_to_its_operation_alone) {
  serve([](const Operation& operation) {
    auto result = good_answer(operation);
    if (operation.commit().transaction_id() == "bad") {
      *result.mutable_error() = rich_status(grpc::StatusCode::ABORTED, "EPOCH_STALE", {{"epoch", "9"}});
    }
    return result;
  });
  auto bad = transactor().commit({.transaction_id = "bad"});
  auto good = transactor().commit({.transaction_id = "good"});
  EXPECT_EQ(bad.get().error().reason, "EPOCH_STALE");
  EXPECT_TRUE(good.get());
}

TEST_F(TransactorTest, what_is_unanswered_is_sent_again_in_order_when_the_stream_breaks) {
  Events<std::vector<std::string>> first, second;
  std::atomic<int> streams = 0;
  server_.coordinator.on_transact = [&](Stream& stream) {
    auto& seen = ++streams == 1 ? first : second;
    v1::TransactRequest request;
    std::vector<std::string> ids;
    while (ids.size() < 3 && stream.Read(&request)) {
      v1::TransactResponse response;
      for (const auto& operation : request.operations()) {
        ids.push_back(operation.commit().transaction_id());
        // The first stream breaks with its answers: one of three arrives.
        if (streams == 2 || ids.size() == 1) *response.add_results() = good_answer(operation);
      }
      if (response.results_size() > 0) stream.Write(response);
    }
    seen.add(ids);
    if (&seen == &first) return grpc::Status(grpc::StatusCode::UNAVAILABLE, "going away");
    while (stream.Read(&request)) {
    }
    return grpc::Status::OK;
  };
  // One operation a frame, so that the answered one is not sent again.
  Transactor& t = transactor({.max_operations_per_frame = 1});
  auto a = t.commit({.transaction_id = "a"});
  EXPECT_TRUE(a.get());
  auto b = t.commit({.transaction_id = "b"});
  auto c = t.commit({.transaction_id = "c"});
  auto d = t.commit({.transaction_id = "d"});
  EXPECT_TRUE(b.get());
  EXPECT_TRUE(c.get());
  EXPECT_TRUE(d.get());
  EXPECT_THAT(*first.take(), testing::ElementsAre("a", "b", "c"));
  EXPECT_THAT(*second.take(), testing::ElementsAre("b", "c", "d"));
  finish();
}

TEST_F(TransactorTest, operations_survive_a_restart_of_the_server) {
  EXPECT_TRUE(transactor().commit({.transaction_id = "a"}).get());
  server_.stop();
  auto b = transactor().commit({.transaction_id = "b"});
  server_.start();
  EXPECT_TRUE(b.get());
  EXPECT_GE(transactor().health().opened, 2u);
}

TEST_F(TransactorTest, what_stays_unanswered_fails_with_the_streams_error) {
  Transactor& t = transactor({.operation_timeout = milliseconds(50)});
  server_.stop();
  const auto result = t.commit({.transaction_id = "a"}).get();
  ASSERT_FALSE(result);
  EXPECT_TRUE(result.error().code == ErrorCode::kUnavailable || result.error().code == ErrorCode::kDeadlineExceeded)
      << result.error().message;
}

TEST_F(TransactorTest, a_full_window_holds_submitters_up_until_there_is_room) {
  Events<bool> go;
  Events<std::string> seen;
  serve([&](const Operation& operation) {
    seen.add(operation.commit().transaction_id());
    go.take();
    return good_answer(operation);
  });
  Transactor& t = transactor({.window = 2});
  auto a = t.commit({.transaction_id = "a"});
  auto b = t.commit({.transaction_id = "b"});
  auto third = std::async(std::launch::async, [&] { return t.commit({.transaction_id = "c"}).get(); });
  EXPECT_EQ(*seen.take(), "a");
  go.add(true);
  EXPECT_EQ(*seen.take(), "b");
  EXPECT_TRUE(seen.empty());
  go.add(true);
  go.add(true);
  EXPECT_TRUE(third.get());
  finish();
}

TEST_F(TransactorTest, stop_fails_what_is_unanswered_and_what_comes_later) {
  Events<bool> arrived;
  server_.coordinator.on_transact = [&](Stream& stream) {
    v1::TransactRequest request;
    while (stream.Read(&request)) arrived.add(true);
    return grpc::Status::OK;
  };
  auto pending = transactor().commit({.transaction_id = "a"});
  ASSERT_TRUE(arrived.take());
  transactor().stop();
  EXPECT_EQ(pending.get().error().code, ErrorCode::kCancelled);
  EXPECT_EQ(transactor().commit({.transaction_id = "b"}).get().error().code, ErrorCode::kCancelled);
  transactor().drain();
  transactor().stop();
  finish();
}

TEST_F(TransactorTest, an_answer_of_the_wrong_kind_is_an_error) {
  serve([](const Operation& operation) {
    v1::TransactResponse::Result result;
    result.set_tag(operation.tag());
    return result;
  });
  EXPECT_EQ(transactor().prepare("a", a_message()).get().error().code, ErrorCode::kInternal);
  EXPECT_EQ(transactor().commit({.transaction_id = "a"}).get().error().code, ErrorCode::kInternal);
}

}  // namespace
}  // namespace escrow::client
