// Messages without transactions.
#include <bit>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "tests/fault/crash_life.h"

namespace escrow::crash {
namespace {

using Answer = Life::Answer;

/// Half of them to the queue that shows their order.
std::uint8_t random_route(Random& random) {
  return static_cast<std::uint8_t>(random.below(random.chance(0.5) ? kOrderedRoutes : kRoutes.size()));
}

void published(Life& life, Uid uid, std::uint8_t route, std::uint32_t queue_count, Instant sent) {
  const int expected = std::popcount(kRoutes[route].queues);
  if (static_cast<int>(queue_count) != expected) {
    life.findings().add("the answer to " + life.messages().describe(uid) + " names " + std::to_string(queue_count) +
                        " queues instead of " + std::to_string(expected));
  }
  if (expected == 0) return;  // nothing was written for it
  life.messages().due(uid);
  life.messages().durable_answer(sent);
}

/// Frames of messages that were sent and not answered, in order.
class PublishStreamClient {
 public:
  PublishStreamClient(Life& life, Random random)
      : life_(life), random_(random), publisher_(life.messages().new_publisher()) {}

  void run() {
    grpc::ClientContext context;
    life_.connection().authorize(context);
    const Life::Cancellable cancellable(life_, context);
    const auto stream = life_.broker().PublishStream(&context);
    std::thread reader([&] { read(*stream); });
    while (wait_for_room() && stream->Write(next_frame())) continue;
    stream->WritesDone();
    reader.join();
    life_.judge(stream->Finish(), "PublishStream");
    if (!life_.ending() && !frames_.empty()) life_.findings().add("PublishStream ended before its last answers");
  }

 private:
  static constexpr std::size_t kFramesOnTheWay = 8;
  struct Frame {
    Instant sent;
    std::vector<std::pair<Uid, std::uint8_t>> messages;
  };

  bool wait_for_room() {
    std::unique_lock lock(mutex_);
    answered_.wait(lock, [&] { return frames_.size() < kFramesOnTheWay || broken_; });
    return life_.loading() && !broken_;
  }

  v1::PublishStreamRequest next_frame() {
    Frame frame;
    v1::PublishStreamRequest request;
    const std::uint64_t count = 1 + random_.below(50);
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::uint8_t route = random_route(random_);
      const Uid uid = life_.messages().add(route, "publish stream", publisher_);
      life_.messages().allow(uid);
      fill_message(uid, kRoutes[route], *request.add_messages());
      frame.messages.emplace_back(uid, route);
    }
    frame.sent = std::chrono::steady_clock::now();
    const std::scoped_lock lock(mutex_);
    frames_.push_back(std::move(frame));
    return request;
  }

  void read(grpc::ClientReaderWriterInterface<v1::PublishStreamRequest, v1::PublishStreamResponse>& stream) {
    v1::PublishStreamResponse response;
    while (stream.Read(&response)) answer(response);
    const std::scoped_lock lock(mutex_);
    broken_ = true;
    answered_.notify_all();
  }

  void answer(const v1::PublishStreamResponse& response) {
    Frame frame;
    {
      const std::scoped_lock lock(mutex_);
      if (!frames_.empty()) frame = std::move(frames_.front()), frames_.pop_front();
      answered_.notify_all();
    }
    if (response.outcomes_size() != static_cast<int>(frame.messages.size())) {
      life_.findings().add("a frame of " + std::to_string(frame.messages.size()) + " messages got " +
                           std::to_string(response.outcomes_size()) + " outcomes");
      return;
    }
    for (int i = 0; i < response.outcomes_size(); ++i) {
      const auto& outcome = response.outcomes(i);
      const auto [uid, route] = frame.messages[static_cast<std::size_t>(i)];
      if (!outcome.has_error()) {
        published(life_, uid, route, outcome.queue_count(), frame.sent);
      } else if (life_.judge(outcome.error(), "PublishStream") == Answer::kRefused) {
        life_.messages().forbid(uid);
      }
    }
  }

  Life& life_;
  Random random_;
  const PublisherId publisher_;
  std::mutex mutex_;
  std::condition_variable answered_;
  std::deque<Frame> frames_;
  bool broken_ = false;
};

}  // namespace

void run_publish(Life& life, Random random) {
  const PublisherId publisher = life.messages().new_publisher();
  while (life.loading()) {
    const std::uint8_t route = random_route(random);
    const Uid uid = life.messages().add(route, "publish", publisher);
    life.messages().allow(uid);
    v1::PublishRequest request;
    fill_message(uid, kRoutes[route], *request.mutable_message());
    const Instant sent = std::chrono::steady_clock::now();
    grpc::ClientContext context;
    life.prepare(context);
    v1::PublishResponse response;
    switch (life.judge(life.broker().Publish(&context, request, &response), "Publish")) {
      case Answer::kOk:
        published(life, uid, route, response.queue_count(), sent);
        break;
      case Answer::kRefused:
        life.messages().forbid(uid);
        break;
      default:
        break;
    }
  }
}

void run_publish_stream(Life& life, Random random) { PublishStreamClient(life, random).run(); }

}  // namespace escrow::crash
