#include "tests/sim/catalog.h"

#include <cstring>
#include <utility>

#include "tests/sim/vocabulary.h"

namespace escrow::sim {

Token Catalog::add(Sent sent) {
  sent_.push_back(sent);
  return static_cast<Token>(sent_.size() - 1);
}

ContentId Catalog::add_content(Content content) {
  const auto id = static_cast<ContentId>(contents_.size());
  for (Token token = content.first; token < content.first + content.count; ++token) sent_[token].content = id;
  contents_.push_back(std::move(content));
  return id;
}

void Catalog::decide(ContentId id, Truth truth) {
  if (contents_[id].truth == Truth::kOpen) contents_[id].truth = truth;
}

void Catalog::write_body(Token token, std::string& out) const {
  char number[kTokenBytes];
  std::memcpy(number, &token, kTokenBytes);
  out.append(number, kTokenBytes);
  out.append(sent_[token].body_size - kTokenBytes, filler(token));
}

Message Catalog::message(Token token) const {
  Message message = message_without_body(token);
  write_body(token, message.body);
  return message;
}

Message Catalog::message_without_body(Token token) const {
  const Sent& sent = sent_[token];
  Message message;
  message.vhost = kVhost;
  message.exchange = sent.exchange;
  message.routing_key = sent.routing_key;
  message.properties = known_properties()[sent.properties].encoded;
  return message;
}

std::vector<coordinator::TransactionMessage> Catalog::messages(ContentId id) const {
  const Content& content = contents_[id];
  std::vector<coordinator::TransactionMessage> out;
  for (std::uint32_t i = 0; i < content.count; ++i) {
    out.emplace_back();
    out.back().message = message(content.first + i);
  }
  return out;
}

std::optional<Token> Catalog::find(std::string_view body) const {
  if (body.size() < kTokenBytes) return std::nullopt;
  Token token = 0;
  std::memcpy(&token, body.data(), kTokenBytes);
  if (token >= sent_.size()) return std::nullopt;
  return token;
}

bool Catalog::is_body_of(Token token, std::string_view body) const {
  if (body.size() != sent_[token].body_size) return false;
  const std::string_view filled = body.substr(kTokenBytes);
  // All are the filler: the first is, and each is what the one before it is.
  return filled.empty() || (filled.front() == filler(token) && filled.substr(1) == filled.substr(0, filled.size() - 1));
}

bool Catalog::is_as_sent(Token token, const MessageView& message) const {
  const Sent& sent = sent_[token];
  return message.exchange == sent.exchange && message.routing_key == sent.routing_key &&
         message.properties == known_properties()[sent.properties].encoded;
}

}  // namespace escrow::sim
