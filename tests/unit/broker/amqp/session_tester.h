// A session with a client that sends what the test says, and an engine that answers when it says so.
//
//   SessionTester s;
//   s.open();
//   s.send(QueueDeclare{.queue = "q"});
//   EXPECT_EQ(s.asked(), "declare q");
//   s.answer();
//   EXPECT_EQ(s.said(), "queue.declare-ok{queue=q}");
#pragma once

#include <cstring>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker/amqp/content.h"
#include "broker/amqp/method_codec.h"
#include "broker/core/broker.h"
#include "tests/unit/broker/amqp/session_text.h"
#include "tests/unit/broker/core/messages.h"

namespace escrow::broker::amqp {

inline std::shared_ptr<const Permissions> permissions(std::string_view configure, std::string_view write,
                                                      std::string_view read) {
  return *Permissions::compile(configure, write, read);
}

inline Properties only(std::optional<std::string> Properties::*property, std::string value) {
  Properties properties;
  properties.*property = std::move(value);
  return properties;
}

/// `publish` and its content as a client sends it.
inline std::string published(std::uint16_t channel, const BasicPublish& method, std::string_view body,
                             const Properties& properties = {}, std::uint32_t frame_max = kDefaultFrameMax) {
  std::string bytes;
  encode_method(channel, method, bytes);
  encode_content(channel, *encode_properties(properties), body, frame_max, bytes);
  return bytes;
}

template <class M>
std::string bytes_of_method(const M& method, std::uint16_t channel = 1) {
  std::string bytes;
  encode_method(channel, method, bytes);
  return bytes;
}

class SessionTester : public SessionHost {
 public:
  explicit SessionTester(SessionLimits l = {}) : limits(l), session(l, 7, Random(1), *this, Monotonic()) {}

  // The client.
  void feed(std::string_view bytes) {
    // A copy of exactly that size: who looks at it too long or too far is seen by the sanitizers.
    rest_.append(bytes);
    const std::shared_ptr<char[]> owner(new char[rest_.size()]);
    std::memcpy(owner.get(), rest_.data(), rest_.size());
    const std::size_t consumed = session.receive({owner.get(), rest_.size()}, owner);
    ESCROW_INVARIANT(consumed <= rest_.size(), "no more is consumed than there is");
    ESCROW_INVARIANT(rest_.size() - consumed <= session.max_rest(), "the rest is bounded");
    rest_.erase(0, consumed);
  }
  template <class M>
  void send(const M& method, std::uint16_t channel = 1) {
    feed(bytes_of_method(method, channel));
  }
  void publish(const std::string& key, std::string_view body, const Properties& properties = {}) {
    feed(published(1, {.routing_key = key}, body, properties));
  }
  void start(const FieldTable& client_properties = {}, std::string_view mechanism = "PLAIN",
             const std::string& response = std::string("\0guest\0secret", 13)) {
    feed(kProtocolHeader);
    send(ConnectionStartOk{.client_properties = client_properties, .mechanism = mechanism, .response = response}, 0);
  }
  void tune() { send(ConnectionTuneOk{limits.channel_max, limits.frame_max, limits.heartbeat_s}, 0); }
  /// With one channel; what was said and asked for it is forgotten.
  void open(std::shared_ptr<const Permissions> permitted = permissions(".*", ".*", ".*")) {
    FieldTable capabilities;
    capabilities.set("consumer_cancel_notify", {true});
    capabilities.set("connection.blocked", {true});
    FieldTable properties;
    properties.set("capabilities", {std::move(capabilities)});
    start(properties);
    session.authenticated(std::make_shared<UserPermissions>(UserPermissions{{"/", std::move(permitted)}}));
    tune();
    send(ConnectionOpen{.virtual_host = "/"}, 0);
    send(ChannelOpen{});
    said();
    asked();
  }

  // The engine.
  /// Takes up the oldest request that is not answered, passing over what follows a failed one as the engine does. nullopt:
  /// there is none.
  std::optional<Request> take() {
    while (!requests.empty()) {
      Request request = std::move(requests.front());
      requests.pop_front();
      if (!answered(request.command) || (request.scope != nullptr && request.scope->failed)) continue;
      return request;
    }
    return std::nullopt;
  }
  void answer(ClientReply reply) { session.reply(take().value().request, std::move(reply)); }
  /// As if all went well.
  void answer() { answer(take().value()); }
  void answer_all() {
    while (std::optional<Request> request = take()) answer(*std::move(request));
  }
  void refuse(Error error) { refuse(take().value(), std::move(error)); }
  void refuse(const Request& request, Error error) {
    if (request.scope != nullptr) request.scope->failed = true;
    session.reply(request.request, std::move(error));
  }
  void answer(Request request) {
    const auto refusal = std::visit(
        []<class C>(const C& command) -> std::optional<Error> {
          if constexpr (requires { command.refusal; }) return command.refusal;
          return std::nullopt;
        },
        request.command);
    if (refusal) return refuse(request, *refusal);
    const std::uint64_t number = request.request;
    session.reply(number, plausible(std::move(request.command)));
  }
  /// One message for the consumer that was asked for last.
  Delivery delivery(const std::string& body, DeliveryTag tag = 1) const {
    auto fragment = std::make_shared<Fragment>(1, at(0), 1);
    fragment->append(record_of(broker::view(body)), {});
    fragment->seal();
    Delivery delivery;
    delivery.consumer = consumer;
    delivery.first_tag = tag;
    delivery.fragment = std::move(fragment);
    delivery.count = 1;
    return delivery;
  }

  // What the test sees.
  /// Since it was asked the last time.
  std::string said() {
    session.flush();
    return frames_text(std::exchange(session.output(), {}), limits.frame_max);
  }
  std::string asked() { return std::exchange(asked_, {}); }
  /// For the log.
  std::string reported() { return std::exchange(reported_, {}); }
  std::size_t rest() const { return rest_.size(); }

  const SessionLimits limits;
  Session session;
  std::deque<Request> requests;
  std::vector<Login> logins;
  ConsumerId consumer = 0;

 private:
  void post(Request request) override {
    if (const auto* consume = std::get_if<Consume>(&request.command)) consumer = consume->consumer;
    if (!asked_.empty()) asked_ += ", ";
    asked_ += request_text(request);
    requests.push_back(std::move(request));
  }
  void authenticate(Login login) override { logins.push_back(std::move(login)); }
  void report(ConnectionEvent event) override {
    if (!reported_.empty()) reported_ += ", ";
    reported_ += event_text(event);
  }

  static bool answered(const ClientCommand& command) {
    return !std::holds_alternative<OpenChannel>(command) && !std::holds_alternative<GrantBytes>(command) &&
           !std::holds_alternative<SetPrefetch>(command) && !std::holds_alternative<SettleTag>(command);
  }
  static broker::Outcomes each_to_one(std::size_t messages) {
    broker::Outcomes outcomes;
    for (std::size_t i = 0; i < messages; ++i) outcomes.add(1u);
    return outcomes;
  }
  static ClientReply plausible(ClientCommand command) {
    if (std::holds_alternative<DeclareQueue>(command)) return QueueInfo{};
    if (std::holds_alternative<DeleteQueue>(command)) return MessageCount{};
    if (std::holds_alternative<PurgeQueue>(command)) return MessageCount{};
    if (std::holds_alternative<Fetch>(command)) return Fetched{};
    if (const auto* consume = std::get_if<Consume>(&command)) return broker::Consuming{consume->consumer};
    if (auto* publish = std::get_if<Publish>(&command)) {
      return Published{each_to_one(publish->messages.size()), {}};
    }
    if (auto* commit = std::get_if<CommitTx>(&command)) {
      return Published{each_to_one(commit->publish.messages.size()), commit->publish};
    }
    return Done{};
  }

  std::string rest_;
  std::string asked_;
  std::string reported_;
};

inline Error not_found() { return {ErrorCode::kNotFound, "QUEUE_NOT_FOUND", "no queue 'q' in vhost '/'", {}}; }

}  // namespace escrow::broker::amqp
