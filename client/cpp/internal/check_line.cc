#include "client/cpp/internal/check_line.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "client/cpp/internal/message_codec.h"
#include "client/cpp/internal/status.h"
#include "client/cpp/internal/transaction_codec.h"

namespace escrow::client::internal {
namespace {

/// How long the server may take to see the end of the stream before it is broken off.
constexpr std::chrono::milliseconds kFarewell{2000};

Check to_check(v1::CheckbacksResponse::Check&& proto) {
  Check check;
  check.group = std::move(*proto.mutable_group());
  check.transaction_id = std::move(*proto.mutable_transaction_id());
  check.epoch = proto.epoch();
  check.attempt = proto.attempt();
  check.prepare_time = from_proto(proto.prepare_time());
  for (auto& message : *proto.mutable_messages()) check.messages.push_back(from_proto(std::move(message)));
  return check;
}

v1::Verdict to_proto(Verdict verdict) {
  switch (verdict) {
    case Verdict::kCommit:
      return v1::VERDICT_COMMIT;
    case Verdict::kRollback:
      return v1::VERDICT_ROLLBACK;
    case Verdict::kUnknown:
      return v1::VERDICT_UNKNOWN;
  }
  return v1::VERDICT_UNKNOWN;
}

}  // namespace

CheckLine::CheckLine(std::shared_ptr<Connection> connection, std::string group, CheckHandler handler,
                     const CheckOptions& options)
    : connection_(std::move(connection)),
      group_(std::move(group)),
      handler_(std::move(handler)),
      options_(options),
      pool_(std::max(options.threads, 1u), std::max(options.max_in_flight, 1u)),
      loop_(connection_, [this](grpc::ClientContext& context) { return session(context); }) {
  loop_.start();
}

CheckLine::~CheckLine() { stop(); }

void CheckLine::stop() {
  loop_.request_stop();
  pool_.stop();
  {
    const std::lock_guard lock(write_mutex_);
    if (stream_ != nullptr) stream_->WritesDone();
    stream_ = nullptr;
  }
  // Breaking off at once could overtake the last answers.
  if (loop_.health().connected) loop_.wait_finished(kFarewell);
  loop_.stop();
}

Error CheckLine::session(grpc::ClientContext& context) {
  const auto stream = connection_->coordinator().Checkbacks(&context);
  v1::CheckbacksRequest open;
  open.mutable_open()->set_group(group_);
  open.mutable_open()->set_max_in_flight(options_.max_in_flight);

  std::uint64_t session_number = 0;
  {
    const std::lock_guard lock(write_mutex_);
    stream_ = stream.get();
    session_number = ++session_number_;
  }
  write(session_number, open);
  v1::CheckbacksResponse response;
  while (stream->Read(&response)) {
    if (response.has_opened()) {
      loop_.mark_connected();
      loop_.mark_useful();
    } else if (response.has_check() && !loop_.stopping()) {
      on_check(session_number, std::move(*response.mutable_check()));
    }
  }
  {
    const std::lock_guard lock(write_mutex_);
    stream_ = nullptr;
  }
  pool_.clear();
  const grpc::Status status = stream->Finish();
  return status.ok() ? local_error(ErrorCode::kUnavailable, "the server ended the stream of checks") : to_error(status);
}

void CheckLine::on_check(std::uint64_t session_number, v1::CheckbacksResponse::Check&& proto) {
  const std::uint64_t check_id = proto.check_id();
  // Before the handler runs, and before it has to wait for a thread: from here on the attempt counts, however
  // the handler ends.
  v1::CheckbacksRequest receipt;
  receipt.mutable_receipt()->set_check_id(check_id);
  write(session_number, receipt);

  const bool taken = pool_.submit([this, session_number, check_id, check = to_check(std::move(proto))] {
    send_answer(session_number, check_id, ask_handler(check));
  });
  if (!taken) send_answer(session_number, check_id, {Verdict::kUnknown, "more checks than max_in_flight"});
}

CheckAnswer CheckLine::ask_handler(const Check& check) const {
  try {
    return handler_(check);
  } catch (const std::exception& exception) {
    return {Verdict::kUnknown, exception.what()};
  } catch (...) {
    return {Verdict::kUnknown, "the check handler threw something that is no std::exception"};
  }
}

void CheckLine::send_answer(std::uint64_t session_number, std::uint64_t check_id, CheckAnswer answer) {
  v1::CheckbacksRequest request;
  request.mutable_answer()->set_check_id(check_id);
  request.mutable_answer()->set_verdict(to_proto(answer.verdict));
  if (!answer.reason.empty()) request.mutable_answer()->set_reason(audit_reason(std::move(answer.reason)));
  write(session_number, request);
}

bool CheckLine::write(std::uint64_t session_number, const v1::CheckbacksRequest& request) {
  const std::lock_guard lock(write_mutex_);
  // An answer that comes too late for its stream is lost on purpose: the server asks again.
  if (stream_ == nullptr || session_number != session_number_) return false;
  return stream_->Write(request);
}

}  // namespace escrow::client::internal
