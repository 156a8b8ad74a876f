// Whatever a client sends: no crash, frames as output, and an end of the connection that is one. A failure names its seed.
#include <gtest/gtest.h>

#include "base/random.h"
#include "tests/unit/broker/amqp/sample_methods.h"
#include "tests/unit/broker/amqp/session_tester.h"

namespace escrow::broker::amqp {
namespace {

/// A connection's life of valid methods in no sensible order, contents among them.
std::string script(Random& random) {
  std::string bytes;
  const int steps = 1 + static_cast<int>(random.below(30));
  for (int i = 0; i < steps; ++i) {
    const auto channel = static_cast<std::uint16_t>(1 + random.below(3));
    const std::uint64_t chosen = random.below(Methods::kSize + 30);
    std::uint64_t at = 0;
    for_each_method([&]<class M>(MethodType<M>) {
      if (at++ == chosen) encode_method(channel, sample_method<M>(random.chance(0.5)), bytes);
    });
    if (chosen < Methods::kSize) continue;
    switch (random.below(6)) {
      case 0:
        encode_method(channel, ChannelOpen{}, bytes);
        break;
      case 1:
        encode_method(channel, QueueDeclare{.queue = "q"}, bytes);
        break;
      case 2:
        encode_method(channel, BasicConsume{.queue = "q"}, bytes);
        break;
      case 3:
        encode_method(channel, ChannelCloseOk{}, bytes);
        break;
      default:
        bytes += published(channel, {.routing_key = "q", .mandatory = random.chance(0.5)},
                           std::string(random.below(9000), 'b'), {}, kMinFrameMax);
    }
  }
  return bytes;
}

void mutate(std::string& bytes, Random& random) {
  for (std::uint64_t n = random.below(4); n > 0 && !bytes.empty(); --n) {
    const std::size_t at = random.below(bytes.size());
    switch (random.below(3)) {
      case 0:
        bytes[at] = static_cast<char>(random.next());
        break;
      case 1:
        bytes.erase(at, 1 + random.below(20));
        break;
      default:
        bytes.insert(at, bytes.substr(random.below(bytes.size()), random.below(60)));
    }
  }
}

/// The engine does something, or not.
void answer_something(SessionTester& s, Random& random) {
  if (s.consumer != 0 && random.chance(0.2)) s.session.deliver(s.delivery("a"));
  if (s.consumer != 0 && random.chance(0.05)) s.session.consumer_cancelled(s.consumer);
  while (random.chance(0.7)) {
    if (random.chance(0.1)) {
      if (const auto request = s.take()) s.refuse(*request, not_found());
    } else if (auto request = s.take()) {
      s.answer(*std::move(request));
    }
  }
}

void run(std::string_view input, SessionTester& s, Random& random) {
  bool ended = s.session.finished();
  while (!input.empty()) {
    const std::string_view piece = input.substr(0, 1 + random.below(random.chance(0.8) ? 60 : 20'000));
    input.remove_prefix(piece.size());
    s.feed(piece);
    answer_something(s, random);
    s.session.written();
    const std::string said = s.said();
    ASSERT_EQ(said.find("MALFORMED"), std::string::npos) << said;
    const std::string asked = s.asked();
    ASSERT_TRUE(!ended || (said + asked).empty()) << "behind the end: " << said << asked;
    ended = s.session.finished();
  }
  s.answer_all();
  ASSERT_EQ(s.said().find("MALFORMED"), std::string::npos);
}

TEST(SessionProperty, random_bytes_are_refused_or_understood) {
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    SessionTester s;
    if (random.chance(0.7)) s.open();
    std::string bytes;
    for (std::uint64_t n = random.below(300); n > 0; --n) bytes += static_cast<char>(random.next());
    run(bytes, s, random);
    if (HasFatalFailure()) return;
  }
}

TEST(SessionProperty, methods_in_any_order_and_damaged_ones_break_nothing) {
  for (std::uint64_t seed = 1; seed <= 1000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    SessionTester s;
    s.open();
    std::string bytes = script(random);
    if (random.chance(0.6)) mutate(bytes, random);
    run(bytes, s, random);
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace escrow::broker::amqp
