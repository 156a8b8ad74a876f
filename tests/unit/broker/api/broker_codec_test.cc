#include "broker/api/broker_codec.h"

#include <gtest/gtest.h>

namespace escrow::broker::api {
namespace {

const rpc::Caller kCaller;

TEST(DeclareRequests, make_what_is_durable_unless_they_say_transient) {
  v1::DeclareExchangeRequest exchange;
  exchange.set_type(v1::EXCHANGE_TYPE_CONSISTENT_HASH);
  ExchangeSpec spec = std::get<engine::DeclareExchange>(*to_declare_exchange(exchange, kCaller)).spec;
  EXPECT_EQ(spec.type, ExchangeType::kConsistentHash);
  EXPECT_EQ(spec.vhost, "/");
  EXPECT_TRUE(spec.durable);
  EXPECT_FALSE(spec.auto_delete);
  EXPECT_FALSE(spec.internal);
  exchange.set_transient(true);
  exchange.set_auto_delete(true);
  exchange.set_internal(true);
  spec = std::get<engine::DeclareExchange>(*to_declare_exchange(exchange, kCaller)).spec;
  EXPECT_FALSE(spec.durable);
  EXPECT_TRUE(spec.auto_delete);
  EXPECT_TRUE(spec.internal);

  v1::DeclareQueueRequest queue;
  EXPECT_TRUE(std::get<engine::DeclareQueue>(*to_declare_queue(queue, kCaller)).spec.durable);
  queue.set_transient(true);
  queue.set_auto_delete(true);
  const QueueSpec made = std::get<engine::DeclareQueue>(*to_declare_queue(queue, kCaller)).spec;
  EXPECT_FALSE(made.durable);
  EXPECT_TRUE(made.auto_delete);
}

TEST(BindRequests, have_a_queue_or_an_exchange_for_a_destination) {
  v1::BindRequest request;
  request.set_source("from");
  request.set_queue("q");
  auto bind = std::get<engine::Bind>(*to_bind(request, kCaller));
  EXPECT_EQ(bind.destination, "q");
  EXPECT_EQ(bind.destination_kind, DestinationKind::kQueue);

  v1::UnbindRequest between;
  between.set_destination_exchange("to");
  bind = std::get<engine::Bind>(*to_unbind(between, kCaller));
  EXPECT_EQ(bind.destination, "to");
  EXPECT_EQ(bind.destination_kind, DestinationKind::kExchange);
  EXPECT_TRUE(bind.remove);

  between.set_queue("q");
  between.set_destination_exchange("to");
  const auto both = to_unbind(between, kCaller);
  ASSERT_FALSE(both.ok());
  EXPECT_EQ(both.error().reason, "MALFORMED");
}

}  // namespace
}  // namespace escrow::broker::api
