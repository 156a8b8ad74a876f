#include "tests/fault/crash_life.h"

#include "client/cpp/internal/status.h"

namespace escrow::crash {
namespace {

constexpr std::chrono::seconds kPatience{20};

}  // namespace

Life::Life(const std::string& target, Findings& findings, MessageLedger& messages, TransactionLedger& transactions)
    : connection_({.target = target, .user = "guest", .password = "guest"}),
      findings_(findings),
      messages_(messages),
      transactions_(transactions) {}

void Life::prepare(grpc::ClientContext& context) const {
  connection_.authorize(context);
  context.set_deadline(std::chrono::system_clock::now() + kPatience);
}

void Life::finish() {
  const std::scoped_lock lock(mutex_);
  finished_ = true;
  for (grpc::ClientContext* context : contexts_) context->TryCancel();
}

Life::Answer Life::judge(const grpc::Status& status, const char* what) {
  return status.ok() ? Answer::kOk : judge(client::internal::to_error(status), what);
}

Life::Answer Life::judge(const google::rpc::Status& status, const char* what) {
  return judge(client::internal::to_error(status), what);
}

Life::Answer Life::judge(const Error& error, const char* what) {
  if (error.reason == "ENGINE_FULL") return Answer::kRefused;
  if (error.reason == "ALREADY_DECIDED") return Answer::kOpposed;
  if (!ending_ && !finished_) {
    findings_.add(std::string(what) + " failed while the server should live: " + error.reason + ": " + error.message);
  }
  return Answer::kBroken;
}

Life::Cancellable::Cancellable(Life& life, grpc::ClientContext& context) : life_(life), context_(context) {
  const std::scoped_lock lock(life_.mutex_);
  life_.contexts_.insert(&context_);
  if (life_.finished_) context_.TryCancel();
}

Life::Cancellable::~Cancellable() {
  const std::scoped_lock lock(life_.mutex_);
  life_.contexts_.erase(&context_);
}

v1::PrepareRequest make_prepare(const TransactionPlan& plan) {
  v1::PrepareRequest request;
  request.set_group(plan.group);
  request.set_transaction_id(plan.id);
  for (const auto& [uid, route] : plan.messages) {
    fill_message(uid, kRoutes[route], *request.add_messages()->mutable_message());
  }
  const std::int64_t us = std::chrono::microseconds(plan.first_check_delay).count();
  request.mutable_first_check_delay()->set_seconds(us / 1'000'000);
  request.mutable_first_check_delay()->set_nanos(static_cast<std::int32_t>(us % 1'000'000 * 1000));
  return request;
}

}  // namespace escrow::crash
