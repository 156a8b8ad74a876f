// What the engine adds to changes of the topology: records of them, and what becomes of transactions.
#include <gtest/gtest.h>

#include "audit/record.h"
#include "storage/keyspace.h"
#include "tests/unit/engine/engine_tester.h"

namespace escrow::engine {
namespace {

class EngineTopology : public EngineTester {
 protected:
  void SetUp() override { start(); }

  DeclareExchange exchange(const std::string& name, bool auto_delete = false, bool internal = false) {
    broker::ExchangeSpec spec{"/", name, broker::ExchangeType::kFanout, {}};
    spec.auto_delete = auto_delete;
    spec.internal = internal;
    return {std::move(spec)};
  }
  Bind bind(const std::string& source, const std::string& destination, bool remove = false) {
    return {"/", source, destination, {}, remove, broker::DestinationKind::kExchange};
  }
  /// Exchanges that went, with the reason and who brought it about.
  std::vector<std::string> gone() {
    std::vector<std::string> out;
    for_each_record([&](const audit::Record& record) {
      const bool absent = record.after == static_cast<std::uint8_t>(audit::Existence::kAbsent);
      if (record.subject != audit::Subject::kExchange || !absent) return;
      out.push_back(record.key2 + " by " + record.actor + ": " + record.reason);
    });
    return out;
  }
};

TEST_F(EngineTopology, records_exchanges_that_go_with_their_last_binding) {
  ASSERT_TRUE(ask(exchange("a", true)).ok());
  ASSERT_TRUE(ask(exchange("b", true)).ok());
  ASSERT_TRUE(ask(DeclareQueue{{"/", "q", {}}}).ok());
  ASSERT_TRUE(ask(bind("a", "b")).ok());
  ASSERT_TRUE(ask(Bind{"/", "b", "q", {}}).ok());
  ASSERT_TRUE(ask(DeleteQueue{"/", "q", false, false}).ok());
  EXPECT_EQ(gone(), (std::vector<std::string>{"b by tester: auto-delete", "a by tester: auto-delete"}));
  start();
  EXPECT_FALSE(engine->broker().topology().exchange("/", "a").ok());
}

TEST_F(EngineTopology, records_a_vhost_once_and_keeps_it) {
  const auto recorded = [&] {
    std::vector<std::string> out;
    for_each_record([&](const audit::Record& record) {
      if (record.subject == audit::Subject::kVhost) out.push_back(record.key1 + " by " + record.actor);
    });
    return out;
  };
  ASSERT_TRUE(ask(DeclareVhost{"orders"}).ok());
  ASSERT_TRUE(ask(DeclareVhost{"/"}).ok());
  start();
  ASSERT_TRUE(ask(DeclareVhost{"orders"}).ok());
  EXPECT_EQ(recorded(), std::vector<std::string>{"orders by tester"});
  EXPECT_FALSE(ask(DeclareVhost{""}).ok());
}

TEST_F(EngineTopology, writes_nothing_for_what_is_not_durable) {
  ASSERT_TRUE(ask(exchange("durable")).ok());
  const broker::BatchNumber before = engine->last_sealed();
  DeclareExchange transient = exchange("transient", true);
  transient.spec.durable = false;
  ASSERT_TRUE(ask(std::move(transient)).ok());
  ASSERT_TRUE(ask(bind("durable", "transient")).ok());
  ASSERT_TRUE(ask(bind("transient", "durable")).ok());
  ASSERT_TRUE(ask(bind("transient", "durable", true)).ok());
  EXPECT_FALSE(engine->broker().topology().exchange("/", "transient").ok()) << "gone with its last binding";
  EXPECT_EQ(engine->last_sealed(), before);
}

TEST_F(EngineTopology, recovers_bindings_between_exchanges) {
  for (const char* name : {"a", "b"}) ASSERT_TRUE(ask(exchange(name)).ok());
  ASSERT_TRUE(ask(DeclareQueue{{"/", "q", {}}}).ok());
  ASSERT_TRUE(ask(bind("a", "b")).ok());
  ASSERT_TRUE(ask(Bind{"/", "b", "q", {}}).ok());
  const std::uint64_t digest = engine->digest();
  start();
  EXPECT_EQ(engine->digest(), digest);
  const auto published = ask(publish(1, "a", "k", "body"));
  ASSERT_TRUE(published.ok());
  EXPECT_EQ(*std::get<Published>(*published).outcomes.at(0), 1u);
}

TEST_F(EngineTopology, looks_whose_queue_is_bound_behind_everything_else) {
  DeclareQueue owned{{"/", "q", {}}};
  owned.spec.exclusive = owned.connection = 7;
  ASSERT_TRUE(ask(std::move(owned)).ok());
  EXPECT_EQ(ask(Bind{"/", "none", "q", {}}).error().reason, "EXCHANGE_UNKNOWN");
  EXPECT_TRUE(ask(Bind{"/", "none", "q", {}, true}).ok());
  EXPECT_EQ(ask(Bind{"/", "amq.direct", "q", {}}).error().reason, "QUEUE_LOCKED");
  broker::Binding odd;
  odd.arguments.set("x-match", {std::string("none")});
  EXPECT_EQ(ask(Bind{"/", "amq.match", "q", odd}).error().reason, "ARGUMENT_INVALID");
}

TEST_F(EngineTopology, checks_ahead_what_a_publish_would_be_told) {
  ASSERT_TRUE(ask(exchange("inner", false, true)).ok());
  const Error refusal{ErrorCode::kInvalidArgument, "PROPERTY_INVALID", "no", {}};
  EXPECT_TRUE(ask(CheckAhead{"/", "amq.direct", {}, {}}).ok());
  EXPECT_EQ(ask(CheckAhead{"/", "none", {}, refusal}).error().reason, "EXCHANGE_UNKNOWN");
  EXPECT_EQ(ask(CheckAhead{"/", "inner", {}, refusal}).error().reason, "EXCHANGE_INTERNAL");
  EXPECT_EQ(ask(CheckAhead{"/", "amq.direct", {}, refusal}).error().reason, "PROPERTY_INVALID");
}

TEST_F(EngineTopology, takes_no_messages_from_clients_for_an_internal_exchange) {
  ASSERT_TRUE(ask(exchange("inner", false, true)).ok());
  const auto published = ask(publish(1, "inner", "k", "body"));
  ASSERT_TRUE(published.ok());
  EXPECT_EQ(std::get<Published>(*published).outcomes.at(0).error().reason, "EXCHANGE_INTERNAL");
  coordinator::Prepare transaction = prepare({"g", "t"});
  transaction.messages[0].message.exchange = "inner";
  EXPECT_EQ(ask(std::move(transaction)).error().reason, "EXCHANGE_INTERNAL");
}

}  // namespace
}  // namespace escrow::engine
