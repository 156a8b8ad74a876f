#include "tests/sim/clients/publisher.h"

#include "tests/sim/vocabulary.h"

namespace escrow::sim {

void Publisher::act() {
  if (finishing_) return;
  if (!connected()) {
    connect(Transport::kStream);
    publisher_ = around_.next_publisher++;
  }
  if (!ready()) return;
  if (random_.chance(around_.profile.disconnect)) return leave();
  while (unanswered_ < around_.profile.window && random_.chance(0.7)) publish();
}

void Publisher::publish() {
  const auto bodies = std::make_shared<std::string>();
  engine::Publish command;
  const auto count = static_cast<std::uint32_t>(random_.between(1, around_.profile.messages));
  Token first = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    Sent sent = draw_message(around_.profile, random_);
    sent.publisher = publisher_;
    sent.sequence = ++sequence_;
    const Token token = around_.catalog.add(sent);
    if (i == 0) first = token;
    around_.catalog.write_body(token, *bodies);
  }
  command.messages.reserve(count);
  std::string_view rest = *bodies;
  for (Token token = first; token < first + count; ++token) {
    const Sent& sent = around_.catalog.sent(token);
    MessageView view{kVhost,
                     sent.exchange,
                     sent.routing_key,
                     known_properties()[sent.properties].encoded,
                     rest.substr(0, sent.body_size),
                     {}};
    rest.remove_prefix(sent.body_size);
    command.messages.push_back(view);
  }
  command.owner = bodies;
  ++unanswered_;
  post(std::move(command));
}

void Publisher::on_reply(std::uint64_t, const Result<engine::Reply>&) { --unanswered_; }

}  // namespace escrow::sim
