#include "bench/amqp_producer.h"

#include <algorithm>
#include <cstring>
#include <thread>

#include "base/bytes.h"
#include "bench/fail.h"
#include "broker/amqp/content.h"
#include "model/properties.h"

namespace escrow::bench {
namespace {

using namespace broker::amqp;  // NOLINT(google-build-using-namespace): a client speaks of little else

/// Messages that are sent at once.
constexpr std::uint64_t kChunk = 32;
/// Of a paced producer.
constexpr std::chrono::microseconds kTick{200};
constexpr int kPatienceTurns = 150;

}  // namespace

AmqpProducer::AmqpProducer(const AmqpServer& server, const Publishing& publishing)
    : connection_(server), publishing_(publishing) {
  connection_.ask<ConfirmSelectOk>(ConfirmSelect{});
  const std::string body(publishing_.body_bytes, 'x');
  const std::size_t keys = publishing_.routing_keys.size();
  for (std::size_t i = 0; i < keys + kChunk - 1; ++i) {
    const std::size_t before = messages_.size();
    const BasicPublish publish{0, publishing_.exchange, publishing_.routing_keys[i % keys]};
    encode_message(kChannel, publish, kPersistentProperties, body, kDefaultFrameMax, messages_);
    if (i > 0 && messages_.size() - before != message_bytes_) fail("routing keys", "differ in length");
    message_bytes_ = messages_.size() - before;
  }
}

void AmqpProducer::publish_until_end_of(const Span& counted) {
  span_ = counted;
  const auto start = SteadyClock::now();
  for (auto now = start; now < span_.to; now = SteadyClock::now()) {
    std::uint64_t most = kChunk;
    if (publishing_.rate > 0) {
      const double due = publishing_.rate * std::chrono::duration<double>(now - start).count();
      if (static_cast<double>(published_) >= due) {
        std::this_thread::sleep_for(kTick);
        hear(AmqpConnection::Wait::kNo);
        continue;
      }
      most = static_cast<std::uint64_t>(due) - published_ + 1;
    }
    send_some(most);
  }
  wait_for_confirms();
}

void AmqpProducer::publish(std::uint64_t count) {
  const std::uint64_t goal = published_ + count;
  while (published_ < goal) send_some(goal - published_);
  wait_for_confirms();
}

void AmqpProducer::send_some(std::uint64_t most) {
  while (published_ - confirmed() >= publishing_.window) hear(AmqpConnection::Wait::kForSomeTime);
  const std::uint64_t count = std::min({most, kChunk, publishing_.window - (published_ - confirmed())});
  const auto now = SteadyClock::now();
  char* const first = messages_.data() + next_key_ * message_bytes_;
  for (std::uint64_t i = 1; i <= count; ++i) {
    std::memcpy(first + i * message_bytes_ - 1 - publishing_.body_bytes, &now, sizeof now);
  }
  connection_.send({first, count * message_bytes_});
  published_ += count;
  next_key_ = (next_key_ + count) % publishing_.routing_keys.size();
  hear(AmqpConnection::Wait::kNo);
}

void AmqpProducer::wait_for_confirms() {
  while (confirmed() < published_) hear(AmqpConnection::Wait::kForSomeTime);
}

void AmqpProducer::hear(AmqpConnection::Wait wait) {
  if (!connection_.receive(wait) && wait != AmqpConnection::Wait::kNo && ++silent_turns_ == kPatienceTurns) {
    fail("the server", std::to_string(published_ - confirmed()) + " messages are never confirmed");
  }
  const std::uint64_t before = confirmed();
  Frame frame;
  while (connection_.next_frame(frame)) {
    const MethodId method = AmqpConnection::method_of(frame.payload);
    if (method != BasicAck::kId) fail("the server", "does not confirm a message");
    ByteReader in(frame.payload.substr(4));
    const std::uint64_t tag = in.u64_be();
    confirm(tag, (in.u8() & 1) != 0);
  }
  if (confirmed() == before) return;
  silent_turns_ = 0;
  if (span_.has(SteadyClock::now())) counted_ += confirmed() - before;
}

void AmqpProducer::confirm(std::uint64_t tag, bool multiple) {
  if (tag > published_) fail("the server", "confirms what was not published");
  if (multiple) {
    all_up_to_ = std::max(all_up_to_, tag);
    ahead_.erase(ahead_.begin(), ahead_.upper_bound(tag));
  } else if (tag == all_up_to_ + 1) {
    ++all_up_to_;
  } else {
    ahead_.insert(tag);
  }
  while (!ahead_.empty() && *ahead_.begin() == all_up_to_ + 1) {
    ++all_up_to_;
    ahead_.erase(ahead_.begin());
  }
}

}  // namespace escrow::bench
