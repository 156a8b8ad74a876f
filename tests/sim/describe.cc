#include "tests/sim/describe.h"

#include <cstring>

#include "tests/sim/catalog.h"

namespace escrow::sim {
namespace {

using broker::Settlement;

/// Which messages these are: the number of the first one is in its body.
Token first_token(std::string_view body) {
  Token token = kNone;
  if (body.size() >= Catalog::kTokenBytes) std::memcpy(&token, body.data(), Catalog::kTokenBytes);
  return token;
}

std::string_view in_words(Settlement settlement) {
  switch (settlement) {
    case Settlement::kAck:
      return "acknowledges";
    case Settlement::kReject:
      return "rejects";
    case Settlement::kRequeue:
    case Settlement::kReturn:
      return "returns";
  }
  return "?";
}

std::string_view in_words(engine::Verdict verdict) {
  switch (verdict) {
    case engine::Verdict::kUnknown:
      return "unknown";
    case engine::Verdict::kCommit:
      return "commit";
    case engine::Verdict::kRollback:
      return "roll back";
  }
  return "?";
}

struct Describe {
  std::ostream& out;

  void operator()(const coordinator::Prepare& c) const {
    out << "prepares '" << c.key.group << '/' << c.key.id << "' with " << c.messages.size() << " messages from "
        << first_token(c.messages.front().message.body) << " on";
  }
  void operator()(const coordinator::Decide& c) const {
    out << (c.commit ? "commits '" : "rolls back '") << c.key.group << '/' << c.key.id << "', epoch " << c.epoch;
  }
  void operator()(const engine::GetTransaction& c) const {
    out << "asks for '" << c.key.group << '/' << c.key.id << '\'';
  }
  void operator()(const engine::OpenCheckbacks& c) const {
    out << "serves the group '" << c.group << "', " << c.max_in_flight << " checks at once";
  }
  void operator()(const engine::CheckReceipt& c) const { out << "has check " << c.check; }
  void operator()(const engine::CheckAnswer& c) const {
    out << "answers check " << c.check << ": " << in_words(c.verdict);
  }
  void operator()(const engine::DeclareVhost& c) const { out << "declares the vhost '" << c.name << '\''; }
  void operator()(const engine::DeclareExchange& c) const { out << "declares the exchange '" << c.spec.name << '\''; }
  void operator()(const engine::DeleteExchange& c) const { out << "deletes the exchange '" << c.name << '\''; }
  void operator()(const engine::DeclareQueue& c) const { out << "declares the queue '" << c.spec.name << '\''; }
  void operator()(const engine::DeleteQueue& c) const { out << "deletes the queue '" << c.name << '\''; }
  void operator()(const engine::PurgeQueue& c) const { out << "purges '" << c.name << '\''; }
  void operator()(const engine::Bind& c) const {
    out << (c.remove ? "unbinds '" : "binds '") << c.source << "' -> '" << c.destination << "', key '"
        << c.binding.routing_key << '\'';
  }
  void operator()(const engine::ListQueues&) const { out << "lists the queues"; }
  void operator()(const engine::Publish& c) const {
    out << "publishes " << c.messages.size() << " messages from " << first_token(c.messages.front().body) << " on";
  }
  void operator()(const engine::Consume& c) const {
    out << "consumes '" << c.queue << "', credit " << c.credit << (c.auto_credit ? ", renewed" : "");
  }
  void operator()(const engine::GrantCredit& c) const {
    out << "gives consumer " << c.consumer << " credit for " << c.credit << " more";
  }
  void operator()(const engine::Settle& c) const {
    out << "as consumer " << c.consumer << ' ' << in_words(c.settlement) << " tags " << c.first << " to " << c.last;
  }
  void operator()(const engine::ClosePort&) const { out << "leaves"; }
  /// No client of the simulation gives it.
  template <class Other>
  void operator()(const Other&) const {
    out << "does something else";
  }
};

}  // namespace

std::ostream& operator<<(std::ostream& out, const Described& command) {
  std::visit(Describe{out}, command.body);
  return out;
}

}  // namespace escrow::sim
