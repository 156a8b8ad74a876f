// What the model says to answers.
#include <algorithm>

#include "tests/sim/model/model.h"

namespace escrow::sim::model {
namespace {

std::string outcome_of(const Result<engine::Reply>& reply) {
  return reply.ok() ? "success" : reply.error().reason + " (" + reply.error().message + ")";
}

}  // namespace

void Model::check_answer(const Asked& asked, std::uint64_t request, const Result<engine::Reply>& reply) {
  switch (asked.kind) {
    case Kind::kSilent:
      return;
    case Kind::kExpected:
      return check_expected(asked, reply);
    case Kind::kQueueList:
      return check_queue_list(asked, reply);
    case Kind::kPurge:
      return check_purge(asked, reply);
    case Kind::kPublish:
      return check_publish(request, reply);
    case Kind::kConsume:
      return check_consume(asked, reply);
    case Kind::kTransaction:
      return transactions_.answered(request, reply);
  }
}

void Model::check_expected(const Asked& asked, const Result<engine::Reply>& reply) {
  if (asked.expected.error) {
    verdict_.require(!reply.ok() && reply.error().code == *asked.expected.error, "error ",
                     static_cast<int>(*asked.expected.error), " was due, the answer is ", outcome_of(reply));
    return;
  }
  verdict_.require(reply.ok(), "success was due, the answer is ", outcome_of(reply));
  verdict_.require(!asked.expected.change || declarations_.is_recorded(*asked.expected.change),
                   "a change of the topology was confirmed before it was durable");
}

void Model::check_queue_list(const Asked& asked, const Result<engine::Reply>& reply) {
  const auto* list = reply.ok() ? std::get_if<engine::QueueList>(&*reply) : nullptr;
  if (!verdict_.require(list != nullptr, "queues could not be listed: ", outcome_of(reply))) return;
  std::vector<std::string> names;
  for (const engine::QueueList::Item& item : list->queues) {
    names.push_back(item.spec.name);
    if (!finishing_) continue;
    verdict_.require(item.info.ready == 0 && item.info.unacked == 0, "queue '", item.spec.name, "' counts ",
                     item.info.ready, " ready and ", item.info.unacked, " unacknowledged messages and has none");
  }
  // The queue for parked messages appears in the model only when the ledger has its first message.
  std::vector<std::string> expected = lists_[asked.number];
  std::erase(names, declarations_.parked()->name);
  std::erase(expected, declarations_.parked()->name);
  verdict_.require(names == expected, "a list has ", names.size(), " queues, ", expected.size(), " exist");
}

void Model::check_purge(const Asked& asked, const Result<engine::Reply>& reply) {
  const Purge& purge = purges_[asked.number];
  const bool counted = reply.ok() && std::holds_alternative<engine::MessageCount>(*reply);
  verdict_.require(counted, "a purge was answered ", outcome_of(reply));
  verdict_.require(purge.recorded, "a purge of '", purge.name, "' was confirmed before it was durable");
  copies_.purge_answered(purge.queue, purge.number, purge.undisturbed && purge.attached == purge.queue->attached);
}

void Model::check_publish(std::uint64_t request, const Result<engine::Reply>& reply) {
  const auto* published = reply.ok() ? std::get_if<engine::Published>(&*reply) : nullptr;
  if (!verdict_.require(published != nullptr, "a publish was answered ", outcome_of(reply))) return;
  copies_.publish_answered(request, *published, declarations_.applied());
}

void Model::check_consume(const Asked& asked, const Result<engine::Reply>& reply) {
  const auto* consuming = reply.ok() ? std::get_if<engine::Consuming>(&*reply) : nullptr;
  if (consuming != nullptr && asked.number != kNone) return consumers_.answered(asked.number, consuming->consumer);
  const bool refused = !reply.ok() && asked.expected.error && reply.error().code == *asked.expected.error;
  verdict_.require(refused, "a consumer was answered ", outcome_of(reply));
  if (asked.number != kNone) consumers_.refused(asked.number);
}

}  // namespace escrow::sim::model
