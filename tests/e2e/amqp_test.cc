// AMQP as services meet it: what survives, what vanishes, what is refused, and who holds up whom.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <string>
#include <vector>

#include "tests/e2e/amqp_server.h"
#include "tests/support/sanitized.h"

namespace escrow::e2e {
namespace {

using namespace broker::amqp;  // NOLINT(google-build-using-namespace): clients speak of little else
using testing::AllOf;
using testing::HasSubstr;

class Amqp : public AmqpServer {
 protected:
  /// What the server closes the connection with.
  std::string refusal(const std::string& user, const std::string& vhost) const {
    const auto client = connect();
    client->enter(client->log_in(user, user), vhost);
    const auto close = client->hear<ConnectionClose>();
    return std::to_string(close.reply_code) + " " + std::string(close.reply_text);
  }
  /// The same for the channel, which is opened again.
  template <class M>
  static std::string refused(AmqpClient& client, const M& method) {
    const auto close = client.ask<ChannelClose>(method);
    std::string out = std::to_string(close.reply_code) + " " + std::string(close.reply_text);
    client.say(ChannelCloseOk{});
    client.open_channel();
    return out;
  }
  /// Until the server has noticed what nobody is told of.
  static bool vanishes(AmqpClient& client, const std::string& queue) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (client.has_queue(queue)) {
      if (std::chrono::steady_clock::now() > deadline) return false;
    }
    return true;
  }
  double resident_mib() const {
    std::ifstream status("/proc/" + std::to_string(server_->id()) + "/status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("VmRSS:")) return std::stod(line.substr(6)) / 1024;
    }
    return 0;
  }
};

TEST_F(Amqp, what_was_confirmed_is_there_after_a_crash) {
  start();
  constexpr int kMessages = 3000;
  constexpr std::uint64_t kConfirmedBeforeTheCrash = 1000;
  constexpr std::uint64_t kDelivered = 100;
  const auto publisher = client();
  publisher->declare("q");
  publisher->ask<ConfirmSelectOk>(ConfirmSelect{});
  for (int i = 1; i <= kMessages; ++i) publisher->publish("", "q", std::to_string(i));
  publisher->flush();
  std::uint64_t confirmed = 0;
  while (confirmed < kConfirmedBeforeTheCrash) {
    const auto ack = publisher->hear<BasicAck>();
    ASSERT_TRUE(ack.multiple || ack.delivery_tag == confirmed + 1);
    confirmed = ack.delivery_tag;
  }
  {
    const auto consumer = client();
    consumer->consume("q");
    for (std::uint64_t i = 1; i <= kDelivered; ++i) {
      const auto delivery = consumer->hear<BasicDeliver>();
      ASSERT_EQ(delivery.delivery_tag, i);
      ASSERT_FALSE(delivery.redelivered);
      ASSERT_EQ(consumer->body(), std::to_string(i));
    }
    crash();
  }
  start();
  const auto consumer = client();
  ASSERT_GE(consumer->declare("q").message_count, confirmed);
  consumer->consume("q");
  for (std::uint64_t i = 1; i <= confirmed; ++i) {
    const auto delivery = consumer->hear<BasicDeliver>();
    ASSERT_EQ(consumer->body(), std::to_string(i));
    ASSERT_TRUE(delivery.redelivered || i > kDelivered) << i;
  }
}

TEST_F(Amqp, what_was_acknowledged_does_not_come_back) {
  start();
  const auto first = client();
  first->declare("q");
  first->ask<ConfirmSelectOk>(ConfirmSelect{});
  for (const char* body : {"a", "b"}) first->publish("", "q", body);
  first->flush();
  while (first->hear<BasicAck>().delivery_tag < 2) {
  }
  first->ask<BasicGetOk>(BasicGet{0, "q"});
  first->say(BasicAck{1});
  // Confirmed later than the acknowledgement, whose batch is then on disk.
  first->publish("", "q", "c");
  first->flush();
  first->hear<BasicAck>();
  crash();
  start();
  const auto second = client();
  EXPECT_EQ(second->declare("q").message_count, 2u);
  second->ask<BasicGetOk>(BasicGet{0, "q"});
  EXPECT_EQ(second->body(), "b");
}

TEST_F(Amqp, exclusive_and_auto_delete_queues_vanish) {
  start();
  const auto other = client();
  auto owner = client();
  QueueDeclare exclusive;
  exclusive.queue = "mine";
  exclusive.exclusive = true;
  owner->ask<QueueDeclareOk>(exclusive);
  QueueDeclare auto_delete;
  auto_delete.queue = "while used";
  auto_delete.auto_delete = true;
  owner->ask<QueueDeclareOk>(auto_delete);
  owner->consume("while used");
  EXPECT_EQ(refused(*other, BasicGet{0, "mine"}),
            "405 RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'mine' in vhost '/'. It could be "
            "originally declared on another connection or the exclusive property value does not match that of the "
            "original declaration.");
  EXPECT_TRUE(other->has_queue("while used"));
  owner.reset();
  EXPECT_TRUE(vanishes(*other, "mine"));
  EXPECT_TRUE(vanishes(*other, "while used"));
}

TEST_F(Amqp, users_may_do_what_their_permissions_say) {
  start({"--config", configuration({"alice", "bob"},
                                   "[permissions.alice.orders]\nconfigure = \"^alice-\"\n"
                                   "write = \"^(alice-.*|amq\\\\.default)$\"\nread = \"^alice-\"\n")});
  EXPECT_EQ(refusal("bob", "orders"), "530 NOT_ALLOWED - access to vhost 'orders' refused for user 'bob'");
  EXPECT_EQ(refusal("alice", "/"), "530 NOT_ALLOWED - access to vhost '/' refused for user 'alice'");
  EXPECT_EQ(refusal("alice", "missing"), "530 NOT_ALLOWED - vhost missing not found");
  EXPECT_EQ(refusal("guest", "missing"), "530 NOT_ALLOWED - vhost missing not found");

  const auto alice = client("alice", "orders");
  alice->declare("alice-q");
  QueueDeclare declare;
  declare.queue = "bob-q";
  EXPECT_EQ(refused(*alice, declare),
            "403 ACCESS_REFUSED - configure access to queue 'bob-q' in vhost 'orders' refused for user 'alice'");
  client("guest", "orders")->declare("bob-q");
  EXPECT_EQ(refused(*alice, BasicGet{0, "bob-q"}),
            "403 ACCESS_REFUSED - read access to queue 'bob-q' in vhost 'orders' refused for user 'alice'");
  alice->publish("amq.fanout", "", "body");
  alice->flush();
  EXPECT_EQ(alice->hear<ChannelClose>().reply_text,
            "ACCESS_REFUSED - write access to exchange 'amq.fanout' in vhost 'orders' refused for user 'alice'");
}

TEST_F(Amqp, virtual_hosts_know_nothing_of_each_other) {
  const std::vector<std::string> flags = {"--vhosts=orders,empty"};
  start(flags);
  const auto here = client("guest", "orders");
  here->declare("q");
  here->ask<ConfirmSelectOk>(ConfirmSelect{});
  here->publish("", "q", "body");
  here->flush();
  here->hear<BasicAck>();
  for (const char* other : {"/", "empty"}) EXPECT_FALSE(client("guest", other)->has_queue("q")) << other;
  crash();
  start(flags);
  EXPECT_EQ(client("guest", "orders")->declare("q").message_count, 1u);
  crash();
  // Taken out of the configuration, it keeps what it has.
  start();
  EXPECT_EQ(refusal("guest", "orders"), "530 NOT_ALLOWED - vhost orders not found");
  crash();
  start(flags);
  EXPECT_EQ(client("guest", "orders")->declare("q").message_count, 1u);
}

TEST_F(Amqp, clients_are_told_that_the_server_stops) {
  start();
  auto idle = client();
  server_->signal(SIGTERM);
  const auto close = idle->hear<ConnectionClose>();
  EXPECT_EQ(close.reply_code, 320);
  EXPECT_EQ(close.reply_text, "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'");
  idle->say(ConnectionCloseOk{}, 0);
  EXPECT_TRUE(idle->ended());
  idle.reset();
  EXPECT_EQ(server_->join(), 0);
}

TEST_F(Amqp, who_keeps_a_closed_connection_does_not_hold_up_the_stop) {
  start({"--shutdown-deadline=60s", "--amqp-handshake-timeout=60s"});
  const auto idle = client();
  const auto leaving = client();
  leaving->ask<ConnectionCloseOk>(ConnectionClose{}, 0);
  server_->signal(SIGTERM);
  idle->hear<ConnectionClose>();
  idle->say(ConnectionCloseOk{}, 0);
  // Both sockets stay open on this side.
  EXPECT_TRUE(server_->wait_end(std::chrono::seconds(20)));
  EXPECT_EQ(server_->join(), 0);
}

TEST_F(Amqp, a_settlement_that_is_refused_is_named) {
  start();
  const auto client = this->client();
  const auto method_of = [&](const auto& settlement) {
    const auto close = client->template ask<ChannelClose>(settlement);
    client->say(ChannelCloseOk{});
    client->open_channel();
    return MethodId{close.class_id, close.method_id};
  };
  EXPECT_EQ(method_of(BasicAck{9}), BasicAck::kId);
  EXPECT_EQ(method_of(BasicNack{9}), BasicNack::kId);
  EXPECT_EQ(method_of(BasicReject{9}), BasicReject::kId);
}

TEST_F(Amqp, who_does_not_authenticate_is_cut_off) {
  start({"--amqp-handshake-timeout=1s"});
  const auto patient = client();
  const auto silent = connect();
  const auto slow = connect();
  slow->write(kProtocolHeader);
  slow->hear<ConnectionStart>();
  EXPECT_TRUE(silent->ended());
  EXPECT_TRUE(slow->ended());
  EXPECT_FALSE(patient->has_queue("q")) << "who has, is not";
}

TEST_F(Amqp, wrong_passwords_are_refused) {
  start();
  const auto wrong = connect();
  EXPECT_THROW(wrong->log_in("guest", "wrong"), std::runtime_error);
  EXPECT_THAT(wrong->last(), AllOf(HasSubstr("connection.close"), HasSubstr("403"), HasSubstr("ACCESS_REFUSED")));
  // The server waits for the answer, and then ends the connection.
  wrong->say(ConnectionCloseOk{}, 0);
  EXPECT_TRUE(wrong->ended());
}

TEST_F(Amqp, limits_are_those_of_the_configuration) {
  start({"--amqp-frame-max=4KiB", "--amqp-channel-max=2", "--amqp-heartbeat=7s", "--amqp-max-connections=2"});
  const auto first = connect();
  const ConnectionTune tune = first->log_in();
  EXPECT_EQ(tune, (ConnectionTune{2, 4096, 7}));
  first->enter(tune);
  first->hear<ConnectionOpenOk>();
  first->open_channel(2);
  first->say(ChannelOpen{}, 3);
  EXPECT_EQ(first->hear<ConnectionClose>().reply_code, 530) << first->last();
  first->say(ConnectionCloseOk{}, 0);
  EXPECT_TRUE(first->ended());

  const auto second = client();
  std::string too_large;
  StringSink sink(too_large);
  write_frame_header(FrameType::kBody, 1, 4097, sink);
  second->write(too_large);
  EXPECT_EQ(second->hear<ConnectionClose>().reply_code, 501) << second->last();
}

TEST_F(Amqp, a_channel_has_as_many_consumers_as_are_configured) {
  start({"--amqp-channel-consumers=2"});
  const auto consumer = client();
  consumer->declare("q");
  for (const char* const tag : {"a", "b"}) consumer->ask<BasicConsumeOk>(BasicConsume{0, "q", tag});
  EXPECT_EQ(refused(*consumer, BasicConsume{0, "q", "c"}),
            "406 PRECONDITION_FAILED - the channel has too many consumers");
}

TEST_F(Amqp, a_transaction_is_as_large_as_is_configured) {
  start({"--amqp-tx-bytes=8KiB"});
  const auto publisher = client();
  publisher->declare("q");
  const std::string body(6 << 10, 'x');
  publisher->ask<TxSelectOk>(TxSelect{});
  publisher->publish("", "q", body);
  publisher->flush();
  publisher->ask<TxCommitOk>(TxCommit{});
  for (int i = 0; i < 2; ++i) publisher->publish("", "q", body);
  publisher->flush();
  EXPECT_EQ(publisher->hear<ChannelClose>().reply_text,
            "PRECONDITION_FAILED - the transaction is larger than the server takes");
}

TEST_F(Amqp, a_client_that_reads_nothing_is_sent_as_much_as_is_configured) {
  start({"--amqp-unwritten-bytes=64MiB"});
  constexpr std::uint32_t kMessages = 32;
  const auto slow = client();
  slow->declare("q");
  slow->consume("q", true);
  const auto publisher = client();
  const std::string body(1 << 20, 'x');
  for (std::uint32_t i = 0; i < kMessages; ++i) publisher->publish("", "q", body);
  publisher->flush();
  // None of them waits in the queue, as most do with the default.
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  std::uint32_t waiting = kMessages;
  while (waiting > 0 && std::chrono::steady_clock::now() < deadline) waiting = publisher->declare("q").message_count;
  EXPECT_EQ(waiting, 0u);
}

TEST_F(Amqp, one_connection_too_many_is_cut_off) {
  start({"--amqp-max-connections=2"});
  const auto first = client();
  const auto second = client();
  EXPECT_TRUE(connect()->ended());
  EXPECT_FALSE(first->has_queue("q"));
  EXPECT_FALSE(second->has_queue("q"));
}

TEST_F(Amqp, a_port_has_one_server) {
  start();
  ServerProcess second(
      {.program = built_program("escrowd"), .data_directory = directory_.path() + "/other", .amqp = at_});
  EXPECT_EQ(second.join(), 4);
  EXPECT_THAT(second.errors(), AllOf(HasSubstr("something else listens on " + at_.target()), HasSubstr("--amqp-port"),
                                     HasSubstr("ADDRESS_IN_USE")));
}

TEST_F(Amqp, a_slow_consumer_holds_up_nobody_and_costs_little_memory) {
  start();
  constexpr int kRounds = 200;
  constexpr int kInARow = 1000;
  const std::string body(512, 'x');
  const auto slow = client();
  const auto fast = client();
  const auto publisher = client();
  for (auto* const each : {slow.get(), fast.get()}) {
    const std::string queue = each == slow.get() ? "slow" : "fast";
    each->declare(queue);
    each->ask<QueueBindOk>(QueueBind{0, queue, "amq.fanout", ""});
    each->consume(queue, true);
  }
  double most = 0;
  for (int round = 0; round < kRounds; ++round) {
    for (int i = 0; i < kInARow; ++i) publisher->publish("amq.fanout", "", body);
    publisher->flush();
    for (int i = 0; i < kInARow; ++i) fast->hear<BasicDeliver>();
    most = std::max(most, resident_mib());
  }
  RecordProperty("resident_mib", std::to_string(most));
  EXPECT_GT(most, 0);
  if (!kSanitized) {
    EXPECT_LT(most, 200);
  }
  EXPECT_GT(publisher->declare("slow").message_count, static_cast<std::uint32_t>(kRounds * kInARow / 2))
      << "most of it waits in the queue, not in memory of the connection";
  for (int i = 0; i < kRounds * kInARow; ++i) slow->hear<BasicDeliver>();
  EXPECT_EQ(slow->body(), body);
}

}  // namespace
}  // namespace escrow::e2e
