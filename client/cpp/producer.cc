#include "client/cpp/producer.h"

#include <mutex>
#include <utility>

#include "base/invariant.h"
#include "client/cpp/internal/check_line.h"
#include "client/cpp/internal/connection.h"
#include "client/cpp/internal/message_codec.h"
#include "client/cpp/internal/status.h"
#include "client/cpp/internal/transaction_codec.h"

namespace escrow::client {
namespace {

/// What a local transaction came to, exceptions included.
struct LocalOutcome {
  Decision decision = Decision::kUnknown;
  std::string reason;
  std::exception_ptr exception;
};

LocalOutcome run_local(const std::function<Decision()>& local_transaction) {
  try {
    return {local_transaction(), {}, nullptr};
  } catch (const RolledBack& rolled_back) {
    return {Decision::kRollback, rolled_back.what(), std::current_exception()};
  } catch (...) {
    return {Decision::kUnknown, {}, std::current_exception()};
  }
}

/// The result of a transaction that was decided, or in doubt, before this call.
SendResult already_settled(const Prepared& prepared) {
  SendResult result{.epoch = prepared.epoch, .error = std::nullopt, .exception = nullptr};
  if (prepared.state == TransactionState::kInDoubt) {
    result.outcome = SendOutcome::kUndecided;
    result.error = internal::local_error(ErrorCode::kFailedPrecondition,
                                         "the transaction is in doubt since an earlier attempt; an operator ends it");
  } else {
    result.outcome =
        prepared.state == TransactionState::kCommitted ? SendOutcome::kCommitted : SendOutcome::kRolledBack;
  }
  return result;
}

}  // namespace

class Producer::Impl {
 public:
  Impl(std::shared_ptr<internal::Connection> connection, std::string group)
      : connection_(std::move(connection)), group_(std::move(group)) {}

  const std::string& group() const { return group_; }

  Result<Prepared> prepare(const std::string& transaction_id, std::vector<Message> messages,
                           const PrepareOptions& options) {
    v1::PrepareRequest request;
    internal::fill_prepare(group_, transaction_id, std::move(messages), options, request);
    v1::PrepareResponse response;
    const auto called = connection_->call(internal::Repeat::kTransient, [&](grpc::ClientContext& context) {
      return connection_->coordinator().Prepare(&context, request, &response);
    });
    if (!called) return called.error();
    return internal::from_proto(response);
  }

  Result<Timestamp> commit(const DecisionRequest& decision) {
    v1::CommitRequest request;
    internal::fill_decision(group_, decision, request);
    v1::CommitResponse response;
    const auto called = connection_->call(internal::Repeat::kTransient, [&](grpc::ClientContext& context) {
      return connection_->coordinator().Commit(&context, request, &response);
    });
    if (!called) return called.error();
    return internal::from_proto(response.decided_time());
  }

  Result<Timestamp> rollback(const DecisionRequest& decision) {
    v1::RollbackRequest request;
    internal::fill_decision(group_, decision, request);
    v1::RollbackResponse response;
    const auto called = connection_->call(internal::Repeat::kTransient, [&](grpc::ClientContext& context) {
      return connection_->coordinator().Rollback(&context, request, &response);
    });
    if (!called) return called.error();
    return internal::from_proto(response.decided_time());
  }

  void on_check(CheckHandler handler, const CheckOptions& options) {
    const std::lock_guard lock(mutex_);
    ESCROW_INVARIANT(!line_, "on_check() is called once");
    line_ = std::make_unique<internal::CheckLine>(connection_, group_, std::move(handler), options);
  }

  /// nullptr before on_check(). Lives as long as this.
  internal::CheckLine* line() const {
    const std::lock_guard lock(mutex_);
    return line_.get();
  }

 private:
  const std::shared_ptr<internal::Connection> connection_;
  const std::string group_;
  mutable std::mutex mutex_;
  std::unique_ptr<internal::CheckLine> line_;
};

Producer::Producer(const Client& client, std::string group)
    : impl_(std::make_unique<Impl>(client.connection(), std::move(group))) {}

Producer::~Producer() = default;

Result<Prepared> Producer::prepare(const std::string& transaction_id, std::vector<Message> messages,
                                   const PrepareOptions& options) {
  return impl_->prepare(transaction_id, std::move(messages), options);
}

Result<Timestamp> Producer::commit(const DecisionRequest& request) { return impl_->commit(request); }

Result<Timestamp> Producer::rollback(const DecisionRequest& request) { return impl_->rollback(request); }

void Producer::on_check(CheckHandler handler, const CheckOptions& options) {
  impl_->on_check(std::move(handler), options);
}

bool Producer::wait_for_checks(std::chrono::milliseconds timeout) const {
  const internal::CheckLine* line = impl_->line();
  return line != nullptr && line->wait_connected(timeout);
}

StreamHealth Producer::check_health() const {
  const internal::CheckLine* line = impl_->line();
  return line != nullptr ? line->health() : StreamHealth{};
}

void Producer::stop() {
  if (internal::CheckLine* line = impl_->line()) line->stop();
}

const std::string& Producer::group() const { return impl_->group(); }

SendResult Producer::run(const std::string& transaction_id, std::vector<Message> messages,
                         const PrepareOptions& options, const std::function<Decision()>& local_transaction) {
  const auto prepared = impl_->prepare(transaction_id, std::move(messages), options);
  if (!prepared) return {.error = prepared.error(), .exception = nullptr};
  if (prepared->state != TransactionState::kPrepared) return already_settled(*prepared);

  LocalOutcome local = run_local(local_transaction);
  SendResult result{.outcome = SendOutcome::kUndecided,
                    .local_transaction_run = true,
                    .epoch = prepared->epoch,
                    .error = std::nullopt,
                    .exception = std::move(local.exception)};
  if (local.decision == Decision::kUnknown) return result;

  const bool commits = local.decision == Decision::kCommit;
  const DecisionRequest request{
      .transaction_id = transaction_id, .epoch = prepared->epoch, .reason = std::move(local.reason)};
  const auto decided = commits ? impl_->commit(request) : impl_->rollback(request);
  if (decided) {
    result.outcome = commits ? SendOutcome::kCommitted : SendOutcome::kRolledBack;
    return result;
  }
  result.error = decided.error();
  if (decided.error().reason == "ALREADY_DECIDED") result.outcome = SendOutcome::kContradicted;
  return result;
}

}  // namespace escrow::client
