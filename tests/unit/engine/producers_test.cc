#include "engine/producers.h"

#include <gtest/gtest.h>

#include "engine/port.h"

namespace escrow::engine {
namespace {

class NullPort final : public Port {
 public:
  void reply(std::uint64_t, Result<Reply>) override {}
  void deliver(const broker::Delivery&) override {}
  void consumer_cancelled(broker::ConsumerId) override {}
  void check(const Check&) override {}
  void flush() override {}
  void closed() override {}
};

class ProducersTest : public testing::Test {
 protected:
  ProducersTest() { producers.open(group, &port, "service", 2); }

  CheckInFlight& ask(coordinator::Epoch epoch) {
    Timer timer{from_micros(1), epoch, coordinator::Key{"g", "order-1"}.encode()};
    return producers.start(group, *group.pick(), {"g", "order-1"}, timer, from_micros(5));
  }

  NullPort port;
  Producers producers;
  Group& group = producers.add("g", 1, 0);
};

TEST_F(ProducersTest, tells_the_check_of_an_id_prepared_anew_from_that_of_the_earlier_one) {
  const std::uint64_t earlier = ask(7).id;
  EXPECT_TRUE(producers.in_check(7));
  EXPECT_FALSE(producers.in_check(8));
  ask(8);
  EXPECT_TRUE(producers.finish(&port, earlier).has_value());
  EXPECT_FALSE(producers.in_check(7));
  EXPECT_TRUE(producers.in_check(8));
}

TEST_F(ProducersTest, ends_the_checks_of_a_port_that_leaves) {
  ask(7);
  EXPECT_EQ(producers.close(&port).size(), 1u);
  EXPECT_FALSE(producers.in_check(7));
  EXPECT_FALSE(group.served());
}

TEST_F(ProducersTest, gives_no_more_checks_at_once_than_a_producer_takes) {
  ask(1);
  const std::uint64_t second = ask(2).id;
  EXPECT_FALSE(group.free());
  EXPECT_EQ(group.pick(), nullptr);
  producers.finish(&port, second);
  EXPECT_TRUE(group.free());
}

}  // namespace
}  // namespace escrow::engine
