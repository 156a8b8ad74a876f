// The delayed exchange as clients meet it.
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <string>

#include "broker/amqp/content.h"
#include "model/properties.h"
#include "tests/e2e/amqp_server.h"

namespace escrow::e2e {
namespace {

using namespace broker::amqp;  // NOLINT(google-build-using-namespace): clients speak of little else
using namespace std::chrono_literals;

class AmqpDelays : public AmqpServer {
 protected:
  /// With exchange "later", from which key "k" leads to queue "q".
  std::unique_ptr<AmqpClient> client_of_delays() {
    auto out = client();
    FieldTable arguments;
    arguments.set("x-delayed-type", {std::string("direct")});
    out->ask<ExchangeDeclareOk>(
        ExchangeDeclare{.exchange = "later", .type = "x-delayed-message", .durable = true, .arguments = arguments});
    out->declare("q");
    out->ask<QueueBindOk>(QueueBind{.queue = "q", .exchange = "later", .routing_key = "k"});
    out->ask<ConfirmSelectOk>(ConfirmSelect{});
    return out;
  }
  /// Confirmed.
  static void publish(AmqpClient& client, std::chrono::milliseconds delay, std::string_view body) {
    Properties properties;
    properties.delivery_mode = 2;
    properties.headers.emplace();
    properties.headers->set("x-delay", {static_cast<std::int32_t>(delay.count())});
    std::string bytes;
    encode_method(1, BasicPublish{.exchange = "later", .routing_key = "k"}, bytes);
    encode_content(1, *encode_properties(properties), body, kDefaultFrameMax, bytes);
    client.write(bytes);
    client.flush();
    client.hear<BasicAck>();
  }
  static std::string next(AmqpClient& client) {
    client.hear<BasicDeliver>();
    return client.body();
  }
};

TEST_F(AmqpDelays, messages_come_in_the_order_of_their_times_and_none_before) {
  start();
  const auto publisher = client_of_delays();
  const auto consumer = client();
  consumer->consume("q", true);
  const auto begin = std::chrono::steady_clock::now();
  publish(*publisher, 400ms, "second");
  publish(*publisher, 200ms, "first");
  publish(*publisher, 0ms, "at once");
  EXPECT_EQ(next(*consumer), "at once");
  EXPECT_EQ(next(*consumer), "first");
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 200ms);
  EXPECT_EQ(next(*consumer), "second");
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 400ms);
}

TEST_F(AmqpDelays, what_was_confirmed_comes_once_though_the_server_crashes_before_its_time) {
  start();
  {
    const auto publisher = client_of_delays();
    for (int i = 0; i < 100; ++i) publish(*publisher, 300ms + i * 10ms, std::to_string(i));
  }
  crash();
  start();
  const auto consumer = client();
  consumer->consume("q");
  for (int i = 0; i < 100; ++i) ASSERT_EQ(next(*consumer), std::to_string(i));
  consumer->ask<ChannelCloseOk>(ChannelClose{});
  EXPECT_EQ(client()->ask<QueueDeclareOk>(QueueDeclare{.queue = "q", .passive = true}).message_count, 100u);
}

TEST_F(AmqpDelays, a_deleted_exchange_leaves_nothing_that_comes_later) {
  start();
  const auto publisher = client_of_delays();
  publish(*publisher, 100ms, "gone");
  publisher->ask<ExchangeDeleteOk>(ExchangeDelete{.exchange = "later"});
  const auto again = client_of_delays();
  publish(*again, 200ms, "here");
  const auto consumer = client();
  consumer->consume("q");
  EXPECT_EQ(next(*consumer), "here");
}

}  // namespace
}  // namespace escrow::e2e
