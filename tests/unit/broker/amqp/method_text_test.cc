#include "broker/amqp/method_text.h"

#include <gtest/gtest.h>

#include "tests/unit/broker/amqp/sample_methods.h"

namespace escrow::broker::amqp {
namespace {

TEST(MethodText, shows_what_differs_from_the_default) {
  FieldTable arguments;
  arguments.set("x-max-length", {std::int32_t{10}});
  EXPECT_EQ(to_string(QueueDeclare{.queue = "q", .durable = true, .arguments = arguments}),
            "queue.declare{queue=q durable=1 arguments={x-max-length=10}}");
  EXPECT_EQ(to_string(BasicAck{.delivery_tag = 7}), "basic.ack{delivery-tag=7}");
  EXPECT_EQ(to_string(TxSelect{}), "tx.select{}");
}

TEST(MethodText, shows_every_type_of_a_table) {
  FieldTable table = sample_table();
  table.set("void", {FieldVoid{}});
  table.set("byte", {std::int8_t{-1}});
  table.set("time", {FieldTimestamp{5}});
  table.set("price", {FieldDecimal{2, 995}});
  table.set("raw", {FieldBytes{"a\xff"}});
  EXPECT_EQ(to_string(QueueDeclare{.arguments = table}),
            "queue.declare{arguments={x-max-length=10 inner={deep=-7} list=[a true] void=void byte=-1 time=@5 "
            "price=995e-2 raw=a\\xff}}");
}

TEST(MethodText, never_shows_a_secret) {
  for_each_method([]<class M>(MethodType<M>) {
    M method;
    for_each_field(method, []<class T>(std::string_view, T& v) {
      if constexpr (std::is_same_v<T, Secret>) v = Secret("hunter2");
    });
    EXPECT_EQ(to_string(method).find("hunter2"), std::string::npos) << M::kName;
  });
  EXPECT_EQ(to_string(ConnectionSecureOk{.response = "hunter2"}), "connection.secure-ok{response=***}");
}

TEST(MethodText, cannot_be_used_to_forge_a_line) {
  EXPECT_EQ(to_string(QueuePurge{.queue = "a\nb\\"}), "queue.purge{queue=a\\x0ab\\x5c}");
}

TEST(MethodText, is_cut_at_its_limit_and_not_before) {
  const std::string fits(kMaxPrintedText, 'm');
  const std::string longer = fits + "m";
  EXPECT_EQ(to_string(ConnectionStart{.mechanisms = fits}), "connection.start{mechanisms=" + fits + "}");
  EXPECT_EQ(to_string(ConnectionStart{.mechanisms = longer}), "connection.start{mechanisms=" + fits + "...}");
}

}  // namespace
}  // namespace escrow::broker::amqp
