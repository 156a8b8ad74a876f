#include "server/amqp_access.h"

#include <gtest/gtest.h>

#include "server/admin_secret.h"

namespace escrow::server {
namespace {

using broker::amqp::Right;

Configuration configuration() {
  Configuration c;
  c.vhosts = {"orders", "billing"};
  c.users = {{"alice", ""}, {"bob", ""}};
  c.permissions = {{"alice", "orders", "^alice", ".*", ""}};
  return c;
}

TEST(AmqpAccess, users_may_do_what_the_configuration_says) {
  const auto access = AmqpAccess::compile(configuration());
  ASSERT_TRUE(access.ok());
  const auto alice = access->of("alice");
  ASSERT_EQ(alice->size(), 3u);
  EXPECT_EQ(alice->at("/"), nullptr);
  EXPECT_EQ(alice->at("billing"), nullptr);
  const auto& orders = *alice->at("orders");
  EXPECT_TRUE(orders.permits(Right::kConfigure, "alice.queue"));
  EXPECT_FALSE(orders.permits(Right::kConfigure, "queue"));
  EXPECT_TRUE(orders.permits(Right::kWrite, "queue"));
  EXPECT_FALSE(orders.permits(Right::kRead, "queue"));
}

TEST(AmqpAccess, whoever_has_no_entry_may_enter_nothing) {
  const auto access = AmqpAccess::compile(configuration());
  for (const char* name : {"bob", "nobody", "guest"}) {
    const auto permissions = access->of(name);
    EXPECT_EQ(permissions->size(), 3u) << "they are told apart from virtual hosts that do not exist";
    for (const auto& [vhost, entry] : *permissions) EXPECT_EQ(entry, nullptr) << name << " in " << vhost;
  }
}

TEST(AmqpAccess, the_administrator_may_do_everything_and_guest_in_development) {
  Configuration c = configuration();
  c.dev = true;
  const auto access = AmqpAccess::compile(c);
  for (const auto name : {kAdministrator, kDevelopmentUser}) {
    for (const char* vhost : {"/", "orders", "billing"}) {
      for (const Right right : {Right::kConfigure, Right::kWrite, Right::kRead}) {
        EXPECT_TRUE(access->of(name)->at(vhost)->permits(right, "anything"));
      }
    }
  }
}

}  // namespace
}  // namespace escrow::server
