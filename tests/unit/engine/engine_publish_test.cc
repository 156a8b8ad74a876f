// When a publish has to wait for the disk.
#include <gtest/gtest.h>

#include "tests/unit/engine/engine_tester.h"

namespace escrow::engine {
namespace {

class EnginePublish : public EngineTester {
 protected:
  void SetUp() override {
    start();
    ASSERT_TRUE(ask(DeclareQueue{{"/", "q", {}}}).ok());
    ASSERT_TRUE(ask(Consume{"/", "q", 100, true}).ok());
    backend.stalled = true;
  }
};

TEST_F(EnginePublish, a_persistent_message_is_confirmed_and_delivered_when_it_is_durable) {
  const std::uint64_t request = submit(publish(1, "", "q", "x"));
  turn();
  EXPECT_FALSE(answer(request).ok());
  EXPECT_EQ(port.delivered, 0u);
  sync();
  turn();
  EXPECT_TRUE(answer(request).ok());
  EXPECT_EQ(port.delivered, 1u);
}

TEST_F(EnginePublish, transient_messages_are_confirmed_and_delivered_without_a_batch) {
  const auto before = engine->last_sealed();
  for (int i = 0; i < 50; ++i) {
    const std::uint64_t request = submit(publish(10, "", "q", "x", true));
    turn();
    EXPECT_TRUE(answer(request).ok());
    EXPECT_EQ(port.delivered, 10u * (i + 1));
    const std::uint64_t last = port.delivered;
    submit(Settle{1, last - 9, last});
    turn();
  }
  EXPECT_EQ(engine->last_sealed(), before);
  EXPECT_TRUE(engine->idle());
}

}  // namespace
}  // namespace escrow::engine
