// Whether an answer about a transaction can be explained.
#include <algorithm>

#include "tests/sim/model/transactions.h"

namespace escrow::sim::model {
namespace {

std::string detail(const Error& error, std::string_view name) {
  for (const auto& [key, value] : error.metadata) {
    if (key == name) return value;
  }
  return {};
}

std::string in_words(const Result<engine::Reply>& answer) {
  if (!answer.ok()) return answer.error().reason + ": " + answer.error().message;
  if (const auto* prepared = std::get_if<engine::Prepared>(&*answer)) {
    return std::string(coordinator::name(prepared->state)) + " in epoch " + std::to_string(prepared->epoch);
  }
  if (const auto* decided = std::get_if<engine::Decided>(&*answer)) {
    return "decided at " + std::to_string(to_micros(decided->decided_at));
  }
  return "a view";
}

std::string in_words(const TransactionRequest& request) {
  if (request.kind == TransactionRequest::Kind::kGet) return "a look at";
  if (request.kind == TransactionRequest::Kind::kPrepare) return "content " + std::to_string(request.content) + " for";
  return (request.commit ? "a commit with epoch " : "a rollback with epoch ") + std::to_string(request.epoch) + " of";
}

}  // namespace

void Transactions::answered(std::uint64_t request_id, const Result<engine::Reply>& answer) {
  const TransactionRequest request = std::move(requests_.extract(request_id).mapped());
  History& history = *request.history;
  std::size_t version = request.earliest;
  while (version < history.versions.size() && !explains(request, history.versions[version], answer)) ++version;
  if (!verdict_.require(version < history.versions.size(), in_words(request), " '", history.key.id, "' was answered ",
                        in_words(answer), ", which no state explains that it had meanwhile (",
                        history.versions.size() - request.earliest, " states, the last one ",
                        coordinator::name(history.last().state), ")")) {
    return;
  }
  forget_request(history, request_id, version);
}

void Transactions::forget_request(History& history, std::uint64_t request, std::size_t version) {
  std::erase_if(history.causes, [&](const Cause& cause) { return cause.request == request && request != 0; });
  const auto it = std::ranges::find(history.open_requests, request);
  // Commands about one transaction keep their order: what came later saw no older state.
  for (auto later = history.open_requests.erase(it); later != history.open_requests.end(); ++later) {
    std::size_t& earliest = requests_.at(*later).earliest;
    earliest = std::max(earliest, version);
  }
}

bool Transactions::explains(const TransactionRequest& request, const Version& version,
                            const Result<engine::Reply>& answer) const {
  const History& history = *request.history;
  const Incarnation* found = version.state == State::kNone ? nullptr : &history.incarnations[version.incarnation];
  const auto explained_by = [&](const Incarnation* incarnation) {
    switch (request.kind) {
      case TransactionRequest::Kind::kPrepare:
        return explains_prepare(request, incarnation, version.state, answer);
      case TransactionRequest::Kind::kDecide:
        return explains_decide(request, incarnation, version.state, answer);
      case TransactionRequest::Kind::kGet:
        return explains_get(incarnation, version, answer);
    }
    return false;
  };
  if (explained_by(found)) return true;
  // Or it had been forgotten by then.
  const bool decided = found != nullptr && !coordinator::is_open(version.state);
  return decided && may_be_forgotten(*found, present_.now()) && explained_by(nullptr);
}

bool Transactions::explains_prepare(const TransactionRequest& request, const Incarnation* found, State state,
                                    const Result<engine::Reply>& answer) const {
  if (answer.ok()) {
    const auto* prepared = std::get_if<engine::Prepared>(&*answer);
    return prepared != nullptr && found != nullptr && found->content == request.content &&
           prepared->epoch == found->epoch && prepared->state == state;
  }
  const Error& error = answer.error();
  if (error.code == ErrorCode::kAlreadyExists) {
    return found != nullptr && found->content != request.content && detail(error, "state") == coordinator::name(state);
  }
  const bool topology_stood_still = request.topology_changes == declarations_.changes();
  return error.code == ErrorCode::kNotFound && error.reason == "EXCHANGE_UNKNOWN" && found == nullptr &&
         (!request.exchanges_known || !topology_stood_still);
}

bool Transactions::explains_decide(const TransactionRequest& request, const Incarnation* found, State state,
                                   const Result<engine::Reply>& answer) const {
  const State wanted = request.commit ? State::kCommitted : State::kRolledBack;
  const bool current = found != nullptr && (request.epoch == 0 || request.epoch == found->epoch);
  if (answer.ok()) {
    const auto* decided = std::get_if<engine::Decided>(&*answer);
    return decided != nullptr && current && state == wanted && decided->decided_at == found->decided_at;
  }
  const Error& error = answer.error();
  switch (error.code) {
    case ErrorCode::kNotFound:
      return found == nullptr;
    case ErrorCode::kAborted:
      return found != nullptr && !current && detail(error, "epoch") == std::to_string(found->epoch);
    case ErrorCode::kFailedPrecondition:
      return current && !coordinator::is_open(state) && state != wanted &&
             detail(error, "state") == coordinator::name(state) && detail(error, "decided_by") == found->decided_by &&
             detail(error, "decided_at") == std::to_string(to_micros(found->decided_at));
    case ErrorCode::kInvalidArgument:
      return state == State::kInDoubt && request.epoch == 0 && request.reason.empty();
    default:
      return false;
  }
}

bool Transactions::explains_get(const Incarnation* found, const Version& version,
                                const Result<engine::Reply>& answer) const {
  if (!answer.ok()) return answer.error().code == ErrorCode::kNotFound && found == nullptr;
  const auto* view = std::get_if<engine::TransactionView>(&*answer);
  if (view == nullptr || found == nullptr) return false;
  const coordinator::Transaction& t = view->transaction;
  const bool decided = !coordinator::is_open(version.state);
  return t.state == version.state && t.epoch == found->epoch && t.check.attempts == version.attempts &&
         t.prepared_at == found->prepared_at && t.prepared_by == found->prepared_by &&
         (!decided ||
          (t.decided_at == found->decided_at && t.decided_by == found->decided_by && t.reason == found->reason));
}

}  // namespace escrow::sim::model
