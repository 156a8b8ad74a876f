#include <gtest/gtest.h>

#include "tests/unit/broker/amqp/session_tester.h"

namespace escrow::broker::amqp {
namespace {

using std::chrono::seconds;

constexpr LowResources kNone;
constexpr LowResources kMemory{.memory = true};
constexpr LowResources kDisk{.disk = true};

TEST(SessionAlarm, blocks_who_publishes_with_the_first_message) {
  SessionTester s;
  s.open();
  s.session.set_alarm(kMemory);
  EXPECT_EQ(s.said(), "");
  EXPECT_FALSE(s.session.blocked());
  s.publish("q", "body");
  EXPECT_EQ(s.said(), "connection.blocked{reason=low on memory}");
  EXPECT_TRUE(s.session.blocked());
  EXPECT_NE(s.asked().find("publish"), std::string::npos) << "what has come counts";
  s.session.set_alarm(kNone);
  EXPECT_EQ(s.said(), "connection.unblocked{}");
  EXPECT_FALSE(s.session.blocked());
}

TEST(SessionAlarm, blocks_who_has_published_at_once) {
  SessionTester s;
  s.open();
  s.publish("q", "body");
  EXPECT_FALSE(s.session.blocked());
  s.session.set_alarm(kDisk);
  EXPECT_EQ(s.said(), "connection.blocked{reason=low on disk}");
  EXPECT_TRUE(s.session.blocked());
}

TEST(SessionAlarm, tells_once_however_many_resources_are_low) {
  SessionTester s;
  s.open();
  s.session.set_alarm(kDisk);
  s.publish("q", "a");
  s.publish("q", "b");
  EXPECT_EQ(s.said(), "connection.blocked{reason=low on disk}");
  s.session.set_alarm({true, true});
  s.session.set_alarm(kMemory);
  EXPECT_EQ(s.said(), "");
  EXPECT_TRUE(s.session.blocked());
  s.session.set_alarm(kNone);
  EXPECT_EQ(s.said(), "connection.unblocked{}");
}

TEST(SessionAlarm, blocks_a_transaction_when_its_messages_come) {
  SessionTester s;
  s.open();
  s.send(TxSelect{});
  s.said();
  s.session.set_alarm(kMemory);
  s.publish("q", "body");
  EXPECT_EQ(s.said(), "connection.blocked{reason=low on memory}");
}

TEST(SessionAlarm, leaves_consumers_alone) {
  SessionTester s;
  s.open();
  s.session.set_alarm(kMemory);
  s.send(BasicConsume{.queue = "q", .consumer_tag = "c"});
  s.answer();
  s.session.deliver(s.delivery("body"));
  s.send(BasicAck{1});
  EXPECT_FALSE(s.session.blocked());
  EXPECT_EQ(s.said().find("connection.blocked"), std::string::npos);
}

TEST(SessionAlarm, blocks_without_a_word_who_does_not_know_the_method) {
  SessionTester s;
  s.start();
  s.session.authenticated(std::make_shared<UserPermissions>(UserPermissions{{"/", permissions(".*", ".*", ".*")}}));
  s.tune();
  s.send(ConnectionOpen{.virtual_host = "/"}, 0);
  s.send(ChannelOpen{});
  s.said();
  s.session.set_alarm(kMemory);
  s.publish("q", "body");
  EXPECT_TRUE(s.session.blocked());
  s.session.set_alarm(kNone);
  EXPECT_FALSE(s.session.blocked());
  EXPECT_EQ(s.said(), "");
}

TEST(SessionAlarm, does_not_miss_heartbeats_that_nobody_reads) {
  SessionTester s;
  s.open();
  s.session.set_alarm(kMemory);
  s.publish("q", "body");
  EXPECT_TRUE(s.session.tick(seconds(1), true, true));
  EXPECT_TRUE(s.session.tick(seconds(1000), false, true));
  s.session.set_alarm(kNone);
  EXPECT_TRUE(s.session.tick(seconds(1120), false, true));
  EXPECT_FALSE(s.session.tick(seconds(1121), false, true));
}

TEST(SessionAlarm, lets_a_blocked_client_say_close_ok) {
  SessionTester s;
  s.open();
  s.session.set_alarm(kMemory);
  s.publish("q", "body");
  s.session.shut_down("shutdown");
  EXPECT_FALSE(s.session.blocked());
  s.send(ConnectionCloseOk{}, 0);
  EXPECT_TRUE(s.session.finished());
}

}  // namespace
}  // namespace escrow::broker::amqp
