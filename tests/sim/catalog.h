// The catalogue of everything that clients ever sent: a message's body carries nothing but its number here, so that the
// model recognises what comes back without searching.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "coordinator/core/transaction.h"
#include "model/message.h"

namespace escrow::sim {

using Token = std::uint32_t;
using ContentId = std::uint32_t;
inline constexpr std::uint32_t kNone = ~std::uint32_t{0};

/// A message as its sender made it.
struct Sent {
  std::string_view exchange;
  std::string_view routing_key;
  std::uint32_t properties = 0;  ///< of known_properties()
  std::uint32_t body_size = 0;
  std::uint32_t publisher = 0;  ///< whose order counts; transactions have one of their own
  std::uint32_t sequence = 0;   ///< of the publisher
  ContentId content = kNone;    ///< the transaction's, if it belongs to one
};

/// What a business transaction did in its own database.
enum class Truth : std::uint8_t { kOpen, kCommit, kRollback };

/// What one Prepare says: the messages [first, first + count).
struct Content {
  coordinator::Key key;
  Token first = 0;
  std::uint32_t count = 0;
  std::optional<Duration> first_check_delay;
  Truth truth = Truth::kOpen;
};

class Catalog {
 public:
  static constexpr std::size_t kTokenBytes = 4;

  /// Tokens of one caller are consecutive as long as nobody else adds.
  Token add(Sent sent);
  ContentId add_content(Content content);

  const Sent& sent(Token token) const { return sent_[token]; }
  std::size_t size() const { return sent_.size(); }
  const Content& content(ContentId id) const { return contents_[id]; }
  std::size_t contents() const { return contents_.size(); }
  /// The local transaction ended. Only the first end counts: a database does not change its mind.
  void decide(ContentId id, Truth truth);

  /// Appends the body.
  void write_body(Token token, std::string& out) const;
  Message message(Token token) const;
  Message message_without_body(Token token) const;
  std::vector<coordinator::TransactionMessage> messages(ContentId id) const;

  /// nullopt: not a body of ours.
  std::optional<Token> find(std::string_view body) const;
  /// The body is exactly that of the token.
  bool is_body_of(Token token, std::string_view body) const;
  /// But for its body, and its vhost.
  bool is_as_sent(Token token, const MessageView& message) const;

 private:
  static char filler(Token token) { return static_cast<char>('a' + token % 26); }

  std::vector<Sent> sent_;
  std::vector<Content> contents_;
};

}  // namespace escrow::sim
