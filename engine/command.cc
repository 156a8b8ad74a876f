#include "engine/command.h"

namespace escrow::engine {
namespace {

std::size_t bytes_of(const FieldTable& table);

struct ValueBytes {
  std::size_t operator()(const std::string& text) const { return text.size(); }
  std::size_t operator()(const FieldBytes& bytes) const { return bytes.bytes.size(); }
  std::size_t operator()(const FieldTable& table) const { return bytes_of(table); }
  std::size_t operator()(const FieldArray& array) const {
    std::size_t total = 0;
    for (const FieldValue& value : array) total += sizeof value + std::visit(*this, value.kind);
    return total;
  }
  template <class Number>
  std::size_t operator()(const Number&) const {
    return 0;
  }
};

std::size_t bytes_of(const FieldTable& table) {
  std::size_t total = 0;
  for (const auto& [name, value] : table) {
    total += sizeof(FieldTable::Field) + name.size() + std::visit(ValueBytes{}, value.kind);
  }
  return total;
}

std::size_t bytes_of(const Message& message) {
  return message.vhost.size() + message.exchange.size() + message.routing_key.size() + message.properties.size() +
         message.body.size();
}

std::size_t bytes_of(const std::optional<std::string>& text) { return text ? text->size() : 0; }
std::size_t bytes_of(const broker::DeadLetterFilter& filter) {
  return bytes_of(filter.died_in) + bytes_of(filter.exchange) + bytes_of(filter.routing_key);
}
std::size_t bytes_of(const broker::DeadLetterSelection& which) {
  return which.vhost.size() + which.queue.size() + which.places.size() * sizeof(broker::MessagePlace) +
         bytes_of(which.filter);
}
std::size_t bytes_of(const coordinator::Key& key) { return key.group.size() + key.id.size(); }
std::size_t bytes_of(const coordinator::ScheduleKey& key) { return key.vhost.size() + key.key.size(); }

/// What a command's body holds beyond its own size.
struct BodyBytes {
  std::size_t operator()(const coordinator::Prepare& body) const {
    std::size_t total = bytes_of(body.key);
    for (const coordinator::TransactionMessage& m : body.messages) {
      total += sizeof m + bytes_of(m.message) + m.sink.size();
      if (m.compensation) total += bytes_of(*m.compensation);
    }
    return total;
  }
  std::size_t operator()(const Publish& body) const {
    std::size_t total = 0;
    for (const MessageView& m : body.messages) total += sizeof m + m.body.size() + m.properties.size();
    return total;
  }
  std::size_t operator()(const coordinator::Decide& body) const { return bytes_of(body.key) + body.reason.size(); }
  std::size_t operator()(const GetTransaction& body) const { return bytes_of(body.key); }
  std::size_t operator()(const coordinator::Schedule& body) const { return body.key.size() + bytes_of(body.message); }
  std::size_t operator()(const coordinator::Reschedule& body) const { return bytes_of(body.key); }
  std::size_t operator()(const ListWaiting& body) const { return body.place.name.size(); }
  std::size_t operator()(const CancelWaiting& body) const {
    return body.place.name.size() + body.ids.size() * sizeof(broker::WaitingId) + body.reason.size();
  }
  std::size_t operator()(const PurgeWaiting& body) const { return body.place.name.size() + body.reason.size(); }
  std::size_t operator()(const Settle& body) const { return body.failure.size(); }
  std::size_t operator()(const coordinator::CancelSchedule& body) const {
    return bytes_of(body.key) + body.reason.size();
  }
  std::size_t operator()(const GetSchedule& body) const { return bytes_of(body.key); }
  std::size_t operator()(const OpenCheckbacks& body) const { return body.group.size(); }
  std::size_t operator()(const CheckAnswer& body) const { return body.reason.size(); }
  std::size_t operator()(const DeclareVhost& body) const { return body.name.size(); }
  std::size_t operator()(const DeclareExchange& body) const {
    return body.spec.vhost.size() + body.spec.name.size() + bytes_of(body.spec.arguments);
  }
  std::size_t operator()(const DeclareQueue& body) const {
    return body.spec.vhost.size() + body.spec.name.size() + bytes_of(body.spec.arguments);
  }
  std::size_t operator()(const DeleteExchange& body) const { return body.vhost.size() + body.name.size(); }
  std::size_t operator()(const DeleteQueue& body) const { return body.vhost.size() + body.name.size(); }
  std::size_t operator()(const PurgeQueue& body) const { return body.vhost.size() + body.name.size(); }
  std::size_t operator()(const Bind& body) const {
    return body.vhost.size() + body.source.size() + body.destination.size() + body.binding.routing_key.size() +
           bytes_of(body.binding.arguments);
  }
  std::size_t operator()(const ListQueues& body) const { return body.vhost.size() + body.after.size(); }
  std::size_t operator()(const SetPolicy& body) const {
    const broker::Policy& policy = body.policy;
    return policy.vhost.size() + policy.name.size() + policy.pattern.size() + bytes_of(policy.definition);
  }
  std::size_t operator()(const DeletePolicy& body) const { return body.vhost.size() + body.name.size(); }
  std::size_t operator()(const ListPolicies& body) const { return body.vhost.size() + body.after.size(); }
  std::size_t operator()(const ListDeadLetters& body) const {
    return body.vhost.size() + body.queue.size() + bytes_of(body.filter);
  }
  std::size_t operator()(const GetDeadLetter& body) const { return body.vhost.size() + body.queue.size(); }
  std::size_t operator()(const RedriveDeadLetters& body) const {
    return bytes_of(body.which) + bytes_of(body.to.queue) + bytes_of(body.to.exchange) + bytes_of(body.to.routing_key) +
           body.reason.size();
  }
  std::size_t operator()(const DiscardDeadLetters& body) const { return bytes_of(body.which) + body.reason.size(); }
  std::size_t operator()(const Consume& body) const { return body.vhost.size() + body.queue.size(); }
  std::size_t operator()(const Fetch& body) const { return body.vhost.size() + body.queue.size(); }
  std::size_t operator()(const CheckAhead& body) const {
    return body.vhost.size() + body.exchange.size() + (body.refusal ? body.refusal->message.size() : 0);
  }
  std::size_t operator()(const CommitTx& body) const {
    return (*this)(body.publish) + body.settles.size() * sizeof(SettleTag);
  }
  /// Those of numbers alone.
  template <class Small>
    requires std::is_trivially_copyable_v<Small>
  std::size_t operator()(const Small&) const {
    return 0;
  }
};

}  // namespace

std::size_t Command::bytes() const { return sizeof(Command) + actor.size() + std::visit(BodyBytes{}, body); }

}  // namespace escrow::engine
