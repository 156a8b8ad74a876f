#include "bench/amqp_consumer.h"

#include <cstring>

#include "base/bytes.h"
#include "bench/fail.h"

namespace escrow::bench {
namespace {

using namespace broker::amqp;  // NOLINT(google-build-using-namespace): a client speaks of little else

constexpr std::uint16_t kPrefetch = 1000;
constexpr std::uint64_t kAckEvery = kPrefetch / 10;
constexpr int kPatienceTurns = 150;

std::uint64_t delivery_tag_of(std::string_view deliver) {
  ByteReader in(deliver.substr(4));
  in.bytes(in.u8());  // the consumer tag
  return in.u64_be();
}

}  // namespace

AmqpConsumer::AmqpConsumer(const AmqpServer& server, const std::vector<std::string>& queues) : connection_(server) {
  connection_.ask<BasicQosOk>(BasicQos{0, kPrefetch, false});
  for (const std::string& queue : queues) {
    BasicConsume consume;
    consume.queue = queue;
    connection_.ask<BasicConsumeOk>(consume);
  }
}

void AmqpConsumer::run(Consumption& consumption, const Span& counted) {
  int silent_turns = 0;
  for (;;) {
    consumption.consumed += take(counted);
    if (consumption.consumed >= consumption.expected) break;
    if (connection_.receive(AmqpConnection::Wait::kForSomeTime)) {
      silent_turns = 0;
      continue;
    }
    ack();
    if (++silent_turns == kPatienceTurns) {
      fail("the server", "delivers only " + std::to_string(consumption.consumed) + " messages");
    }
  }
  ack();
  connection_.close();
}

std::uint64_t AmqpConsumer::take(const Span& counted) {
  std::uint64_t taken = 0;
  const auto now = SteadyClock::now();
  const bool counts = counted.has(now);
  Frame frame;
  while (connection_.next_frame(frame)) {
    if (frame.type == FrameType::kMethod) {
      if (AmqpConnection::method_of(frame.payload) != BasicDeliver::kId) fail("the server", "cancels a consumer");
      last_tag_ = delivery_tag_of(frame.payload);
    } else if (frame.type == FrameType::kBody) {
      ++taken;
      if (counts) {
        SteadyClock::time_point sent;
        std::memcpy(&sent, frame.payload.data(), sizeof sent);
        counted_.add(now - sent);
      }
      if (++unacked_ == kAckEvery) ack();
    }
  }
  return taken;
}

void AmqpConsumer::ack() {
  if (unacked_ == 0) return;
  std::string bytes;
  encode_method(kChannel, BasicAck{last_tag_, true}, bytes);
  connection_.send(bytes);
  unacked_ = 0;
}

}  // namespace escrow::bench
