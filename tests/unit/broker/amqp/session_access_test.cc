// Which right each method takes, and which queue it means that names none.
#include <gtest/gtest.h>

#include <vector>

#include "tests/unit/broker/amqp/session_tester.h"

namespace escrow::broker::amqp {
namespace {

FieldTable argument(const std::string& name, const std::string& value) {
  FieldTable table;
  table.set(name, {value});
  return table;
}

struct Need {
  Right right;
  std::string name;
};
struct Case {
  std::string bytes;
  std::vector<Need> needs;
};

std::vector<Case> cases() {
  constexpr Right kConfigure = Right::kConfigure, kWrite = Right::kWrite, kRead = Right::kRead;
  return {
      {bytes_of_method(ExchangeDeclare{.exchange = "e", .type = "fanout"}), {{kConfigure, "e"}}},
      {bytes_of_method(
           ExchangeDeclare{.exchange = "e", .type = "fanout", .arguments = argument("alternate-exchange", "f")}),
       {{kConfigure, "e"}, {kRead, "e"}, {kWrite, "f"}}},
      {bytes_of_method(ExchangeDeclare{.exchange = "e", .passive = true}), {}},
      {bytes_of_method(ExchangeDelete{.exchange = "e"}), {{kConfigure, "e"}}},
      {bytes_of_method(ExchangeBind{.destination = "e", .source = "f"}), {{kWrite, "e"}, {kRead, "f"}}},
      {bytes_of_method(ExchangeUnbind{.destination = "e", .source = "f"}), {{kWrite, "e"}, {kRead, "f"}}},
      {bytes_of_method(QueueDeclare{.queue = "q"}), {{kConfigure, "q"}}},
      {bytes_of_method(QueueDeclare{.queue = "q", .arguments = argument("x-dead-letter-exchange", "f")}),
       {{kConfigure, "q"}, {kRead, "q"}, {kWrite, "f"}}},
      {bytes_of_method(QueueDeclare{.queue = "q", .passive = true}), {}},
      {bytes_of_method(QueueBind{.queue = "q", .exchange = "e"}), {{kWrite, "q"}, {kRead, "e"}}},
      {bytes_of_method(QueueUnbind{.queue = "q", .exchange = "e"}), {{kWrite, "q"}, {kRead, "e"}}},
      {bytes_of_method(QueuePurge{.queue = "q"}), {{kRead, "q"}}},
      {bytes_of_method(QueueDelete{.queue = "q"}), {{kConfigure, "q"}}},
      {bytes_of_method(BasicConsume{.queue = "q"}), {{kRead, "q"}}},
      {bytes_of_method(BasicGet{.queue = "q"}), {{kRead, "q"}}},
      {published(1, {.exchange = "e"}, "a"), {{kWrite, "e"}}},
      {published(1, {.routing_key = "q"}, "a"), {{kWrite, "amq.default"}}},
  };
}

/// With these rights alone, one name each.
std::string asked_with(const std::string& bytes, const std::vector<Need>& rights, std::string* said = nullptr) {
  std::string patterns[3];
  for (const Need& need : rights) patterns[static_cast<std::size_t>(need.right)] = "^" + need.name + "$";
  SessionTester s;
  s.open(permissions(patterns[0], patterns[1], patterns[2]));
  s.feed(bytes);
  s.answer_all();  // as if nothing existed yet
  if (said != nullptr) *said = s.said();
  return s.asked();
}

TEST(SessionAccess, takes_exactly_the_rights_of_each_method) {
  for (const Case& c : cases()) {
    EXPECT_FALSE(asked_with(c.bytes, c.needs).ends_with("close")) << frames_text(c.bytes, kDefaultFrameMax);
    for (std::size_t missing = 0; missing < c.needs.size(); ++missing) {
      std::vector<Need> rights = c.needs;
      rights.erase(rights.begin() + static_cast<std::ptrdiff_t>(missing));
      std::string said;
      EXPECT_TRUE(asked_with(c.bytes, rights, &said).ends_with("close")) << frames_text(c.bytes, kDefaultFrameMax);
      EXPECT_TRUE(said.starts_with("channel.close{reply-code=403 reply-text=ACCESS_REFUSED - " +
                                   std::string(name(c.needs[missing].right)) + " access to "))
          << said;
    }
  }
}

TEST(SessionAccess, is_looked_at_again_for_another_exchange) {
  SessionTester s;
  s.open(permissions("", "^e$", ""));
  s.feed(published(1, {.exchange = "e"}, "1") + published(1, {.exchange = "e"}, "2") +
         published(1, {.exchange = "f"}, "3"));
  EXPECT_EQ(s.asked(), "publish e/=1 e/=2, close");
  s.answer_all();
  EXPECT_EQ(
      s.said(),
      "channel.close{reply-code=403 reply-text=ACCESS_REFUSED - write access to exchange 'f' in vhost '/' refused for "
      "user 'guest' class-id=60 method-id=40}");
}

TEST(SessionAccess, takes_a_right_to_the_name_that_the_server_chooses) {
  SessionTester s;
  s.open(permissions("^amq\\.gen", "", ""));
  s.send(QueueDeclare{});
  EXPECT_TRUE(s.asked().starts_with("declare amq.gen-"));
}

TEST(SessionAccess, refuses_to_change_the_default_exchange) {
  for (const std::string& bytes :
       {bytes_of_method(ExchangeDeclare{.type = "direct"}), bytes_of_method(ExchangeDelete{})}) {
    SessionTester s;
    s.open();
    s.feed(bytes);
    EXPECT_TRUE(s.said().starts_with(
        "channel.close{reply-code=403 reply-text=ACCESS_REFUSED - operation not permitted on the default exchange "));
  }
}

TEST(SessionAccess, knows_the_types_of_exchanges) {
  SessionTester s;
  s.open();
  s.send(ExchangeDeclare{.exchange = "e", .type = "star"});
  const std::string said = s.said();
  EXPECT_TRUE(said.starts_with("connection.close{reply-code=503 ")) << said;
  EXPECT_TRUE(said.ends_with(" class-id=40 method-id=10}")) << said;
}

TEST(SessionLastQueue, is_meant_where_none_is_named) {
  SessionTester s;
  s.open();
  s.feed(bytes_of_method(QueueDeclare{.queue = "q"}) + bytes_of_method(QueueBind{.exchange = "e"}) +
         bytes_of_method(QueueBind{.exchange = "e", .routing_key = "k"}) +
         bytes_of_method(QueueBind{.queue = "r", .exchange = "e"}) + bytes_of_method(QueueUnbind{.exchange = "e"}) +
         bytes_of_method(BasicConsume{}) + bytes_of_method(BasicGet{}) + bytes_of_method(QueuePurge{}) +
         bytes_of_method(QueueDelete{}));
  EXPECT_EQ(s.asked(),
            "declare q, bind e>q:q, bind e>q:k, bind e>r:, unbind e>q:q, consume q 200000, fetch q, purge q, "
            "delete q");
}

TEST(SessionLastQueue, may_be_one_that_the_server_named) {
  SessionTester s;
  s.open();
  s.feed(bytes_of_method(QueueDeclare{}) + bytes_of_method(QueueDelete{}));
  const std::string asked = s.asked();
  const std::string queue = asked.substr(8, asked.find(',') - 8);
  EXPECT_EQ(asked, "declare " + queue + ", delete " + queue);
  s.answer_all();
  EXPECT_EQ(s.said(), "queue.declare-ok{queue=" + queue + "} queue.delete-ok{}");
}

TEST(SessionLastQueue, has_to_be_declared_first) {
  for (const std::string& bytes :
       {bytes_of_method(QueueBind{.exchange = "e"}), bytes_of_method(BasicConsume{}), bytes_of_method(BasicGet{}),
        bytes_of_method(QueuePurge{}), bytes_of_method(QueueDelete{})}) {
    SessionTester s;
    s.open();
    s.feed(bytes);
    EXPECT_TRUE(s.said().starts_with(
        "channel.close{reply-code=404 reply-text=NOT_FOUND - no previously declared queue class-id="));
  }
}

TEST(SessionLastQueue, is_not_what_a_passive_declare_without_a_name_means) {
  SessionTester s;
  s.open();
  s.feed(bytes_of_method(QueueDeclare{.queue = "q"}) + bytes_of_method(QueueDeclare{.passive = true}));
  EXPECT_EQ(s.asked(), "declare q, look ");
}

TEST(SessionTopology, declares_what_the_client_says) {
  SessionTester s;
  s.open();
  s.feed(bytes_of_method(QueueDeclare{
             .queue = "q", .durable = true, .exclusive = true, .auto_delete = true, .arguments = argument("k", "v")}) +
         bytes_of_method(ExchangeDeclare{
             .exchange = "e", .type = "topic", .durable = true, .auto_delete = true, .internal = true}));
  const QueueSpec queue = std::get<DeclareQueue>(s.take().value().command).spec;
  EXPECT_EQ(queue.vhost, "/");
  EXPECT_EQ(queue.name, "q");
  EXPECT_EQ(queue.arguments, argument("k", "v"));
  EXPECT_FALSE(queue.durable);  // what is exclusive goes with its connection
  EXPECT_TRUE(queue.auto_delete);
  EXPECT_EQ(queue.exclusive, 7u);
  const ExchangeSpec exchange = std::get<DeclareExchange>(s.take().value().command).spec;
  EXPECT_EQ(exchange.type, ExchangeType::kTopic);
  EXPECT_TRUE(exchange.durable && exchange.auto_delete && exchange.internal);
}

}  // namespace
}  // namespace escrow::broker::amqp
