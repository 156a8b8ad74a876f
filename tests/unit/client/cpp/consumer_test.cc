#include "client/cpp/consumer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <stdexcept>
#include <string>
#include <thread>

#include "tests/unit/client/cpp/fake_server.h"

namespace escrow::client {
namespace {

using std::chrono::milliseconds;

/// A frame of deliveries with the given bodies; tags go on from `first_tag`.
v1::ConsumeResponse frame(std::uint64_t first_tag, const std::vector<std::string>& bodies) {
  v1::ConsumeResponse response;
  for (const std::string& body : bodies) {
    auto& delivery = *response.add_deliveries();
    delivery.set_tag(first_tag++);
    delivery.set_redelivered(true);
    delivery.set_delivery_count(2);
    delivery.mutable_message()->set_body(body);
  }
  return response;
}

/// What a client wrote, as a word: "open shipping 10", "ack 1-3".
std::string describe(const v1::ConsumeRequest& request) {
  if (request.has_open()) {
    return "open " + request.open().queue() + " " + std::to_string(request.open().credit()) +
           (request.open().auto_credit() ? " auto" : "");
  }
  const auto& settle = request.settle();
  std::string name = v1::ConsumeRequest::Outcome_Name(settle.outcome()).substr(sizeof("OUTCOME_") - 1);
  return name + " " + std::to_string(settle.first_tag()) + "-" + std::to_string(settle.last_tag());
}

class ConsumerTest : public testing::Test {
 protected:
  using Stream = FakeBroker::ConsumeStream;

  ConsumerTest() {
    server_.broker.on_consume = [this](Stream& stream) {
      std::thread sender([&] {
        while (auto response = to_send_.take(std::chrono::hours(1))) {
          if (response->deliveries_size() == 0 || !stream.Write(*response)) return;
        }
      });
      v1::ConsumeRequest request;
      while (stream.Read(&request)) written_.add(describe(request));
      to_send_.add({});  // ends the sender
      sender.join();
      written_.add("end");
      return grpc::Status::OK;
    };
  }

  void start(DeliveryHandler handler, ConsumerOptions options = {}) {
    server_.start();
    options.queue = "shipping";
    consumer_ = std::make_unique<Consumer>(server_.client(), options, std::move(handler));
  }
  /// Ends what may still use a local variable of the test.
  void finish() {
    consumer_.reset();
    server_.stop();
  }
  std::string next() { return written_.take().value_or("nothing came"); }

  Events<std::string> written_;
  Events<v1::ConsumeResponse> to_send_;
  FakeServer server_;
  std::unique_ptr<Consumer> consumer_;
};

TEST_F(ConsumerTest, opens_with_its_prefetch_and_hands_deliveries_over_in_order) {
  Events<Delivery> handled;
  start(
      [&](const Delivery& delivery) {
        handled.add(delivery);
        return Settlement::kAck;
      },
      {.prefetch = 10, .settle_delay = std::chrono::hours(1)});
  EXPECT_EQ(next(), "open shipping 10 auto");
  to_send_.add(frame(1, {"a", "b", "c"}));
  for (const char* body : {"a", "b", "c"}) {
    const auto delivery = handled.take();
    ASSERT_TRUE(delivery);
    EXPECT_EQ(delivery->message.body, body);
    EXPECT_TRUE(delivery->redelivered);
    EXPECT_EQ(delivery->delivery_count, 2u);
  }
  EXPECT_EQ(next(), "ACK 1-3");
}

TEST_F(ConsumerTest, settlements_of_one_outcome_go_out_as_one) {
  start(
      [](const Delivery& delivery) {
        return delivery.message.body == "bad"     ? Settlement::kReject
               : delivery.message.body == "later" ? Settlement::kRequeue
                                                  : Settlement::kAck;
      },
      {.settle_delay = std::chrono::hours(1)});
  EXPECT_EQ(next(), "open shipping 200 auto");
  to_send_.add(frame(1, {"good", "good", "bad", "later", "later", "good"}));
  EXPECT_EQ(next(), "ACK 1-2");
  EXPECT_EQ(next(), "REJECT 3-3");
  EXPECT_EQ(next(), "REQUEUE 4-5");
  EXPECT_EQ(next(), "ACK 6-6");
}

TEST_F(ConsumerTest, a_window_that_is_half_handled_is_settled_without_waiting_for_the_rest) {
  Events<bool> go;
  start(
      [&](const Delivery&) {
        go.take();
        return Settlement::kAck;
      },
      {.prefetch = 4, .settle_delay = std::chrono::hours(1)});
  EXPECT_EQ(next(), "open shipping 4 auto");
  to_send_.add(frame(1, {"a", "b", "c", "d"}));
  go.add(true);
  go.add(true);
  EXPECT_EQ(next(), "ACK 1-2");
  go.add(true);
  go.add(true);
  EXPECT_EQ(next(), "ACK 3-4");
}

TEST_F(ConsumerTest, without_a_settle_delay_each_delivery_is_settled_at_once) {
  start([](const Delivery&) { return Settlement::kAck; }, {.settle_delay = milliseconds(0)});
  EXPECT_EQ(next(), "open shipping 200 auto");
  to_send_.add(frame(1, {"a", "b"}));
  EXPECT_EQ(next(), "ACK 1-1");
  EXPECT_EQ(next(), "ACK 2-2");
}

TEST_F(ConsumerTest, an_exception_puts_the_message_back) {
  start([](const Delivery& delivery) -> Settlement {
    if (delivery.message.body == "bad") throw std::runtime_error("cannot");
    return Settlement::kAck;
  });
  EXPECT_EQ(next(), "open shipping 200 auto");
  to_send_.add(frame(1, {"good", "bad"}));
  EXPECT_EQ(next(), "ACK 1-1");
  EXPECT_EQ(next(), "REQUEUE 2-2");
}

TEST_F(ConsumerTest, consumes_again_after_the_server_was_away) {
  Events<std::string> handled;
  start([&](const Delivery& delivery) {
    handled.add(delivery.message.body);
    return Settlement::kAck;
  });
  EXPECT_EQ(next(), "open shipping 200 auto");
  to_send_.add(frame(1, {"a"}));
  EXPECT_EQ(next(), "ACK 1-1");
  server_.stop();
  EXPECT_EQ(next(), "end");
  server_.start();
  EXPECT_EQ(next(), "open shipping 200 auto");
  to_send_.add(frame(1, {"b"}));
  EXPECT_EQ(next(), "ACK 1-1");
  EXPECT_EQ(*handled.take(), "a");
  EXPECT_EQ(*handled.take(), "b");
}

TEST_F(ConsumerTest, a_missing_queue_is_tried_again_and_the_reason_is_visible) {
  const auto accept = server_.broker.on_consume;
  std::atomic<int> attempts = 0;
  server_.broker.on_consume = [&](Stream& stream) {
    return ++attempts < 3 ? refusal(grpc::StatusCode::NOT_FOUND, "QUEUE_UNKNOWN") : accept(stream);
  };
  start([](const Delivery&) { return Settlement::kAck; });
  EXPECT_EQ(next(), "open shipping 200 auto");
  EXPECT_EQ(consumer_->health().last_error->reason, "QUEUE_UNKNOWN");
  finish();
}

TEST_F(ConsumerTest, stop_settles_what_was_handled_and_leaves_the_rest) {
  Gate started, release;
  Events<std::string> handled;
  start([&](const Delivery& delivery) {
    handled.add(delivery.message.body);
    if (delivery.message.body == "b") {
      started.open();
      release.wait();
    }
    return Settlement::kAck;
  });
  EXPECT_EQ(next(), "open shipping 200 auto");
  to_send_.add(frame(1, {"a", "b", "c"}));
  started.wait();
  auto stopping = std::async(std::launch::async, [&] { consumer_->stop(); });
  EXPECT_EQ(stopping.wait_for(milliseconds(20)), std::future_status::timeout);
  release.open();
  stopping.get();
  EXPECT_EQ(next(), "ACK 1-2");
  EXPECT_EQ(next(), "end");
  EXPECT_EQ(*handled.take(), "a");
  EXPECT_EQ(*handled.take(), "b");
  EXPECT_TRUE(handled.empty());
  EXPECT_FALSE(consumer_->health().connected);
}

TEST_F(ConsumerTest, an_idle_consumer_stops_at_once) {
  start([](const Delivery&) { return Settlement::kAck; });
  EXPECT_EQ(next(), "open shipping 200 auto");
  consumer_->stop();
  EXPECT_EQ(next(), "end");
  consumer_->stop();
}

TEST_F(ConsumerTest, a_consumer_without_a_server_stops_at_once) {
  start([](const Delivery&) { return Settlement::kAck; });
  EXPECT_EQ(next(), "open shipping 200 auto");
  server_.stop();
  EXPECT_EQ(next(), "end");
  consumer_.reset();
}

}  // namespace
}  // namespace escrow::client
