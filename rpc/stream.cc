#include "rpc/stream.h"

#include <utility>

#include "rpc/status.h"
#include "rpc/unary.h"

namespace escrow::rpc {

void Stream::accept(CallQueue& queue, const StreamEndpoint& endpoint) {
  Stream* const stream = endpoint.make(queue);
  stream->endpoint_ = &endpoint;
  stream->context_.AsyncNotifyWhenDone(stream->call_.tag());
  endpoint.request(&stream->context_, &stream->stream_, queue.grpc(), queue.grpc(), stream->begun_.tag());
}

void Stream::begun(bool ok) {
  if (!ok) {  // no call came before the server was shut down; then gRPC does not tell that it is done either
    delete this;
    return;
  }
  accept(queue(), *endpoint_);
  if (const Result<void> added = parts_.streams.add(this); !added) return authenticated(added.error());
  const std::string_view credentials = authorization(context_);
  if (std::optional<Authenticator::Verdict> user = parts_.authenticator.known(credentials)) {
    authenticated(*std::move(user));
  } else {
    parts_.authenticator.verify(credentials,
                                [this](Authenticator::Verdict verdict) { authenticated(std::move(verdict)); });
  }
}

void Stream::authenticated(Authenticator::Verdict user) {
  std::unique_lock lock(mutex_);
  starting_ = false;
  if (user) {
    user_ = *std::move(user);
  } else {
    report_refused(parts_.authenticator, context_, user.error());
    begin_closing(to_status(user.error()));
  }
  advance(lock);
}

void Stream::read_done(bool ok) {
  order_.reacting();
  Result<void> taken;
  if (ok) taken = on_frame(incoming_);
  incoming_.Clear();
  std::unique_lock lock(mutex_);
  reading_ = false;
  if (!ok) begin_closing(grpc::Status::OK);
  if (!taken) begin_closing(to_status(taken.error()));
  advance_or_go(lock);
}

void Stream::write_done(bool ok) {
  order_.reacting();
  std::unique_lock lock(mutex_);
  writing_ = false;
  outgoing_.Clear();
  if (!ok) throw_away();
  output_moved();
  advance_or_go(lock);
}

void Stream::finish_done(bool) {
  order_.reacting();
  std::unique_lock lock(mutex_);
  finish_done_ = true;
  advance_or_go(lock);
}

void Stream::call_done(bool) {
  std::unique_lock lock(mutex_);
  call_done_ = true;
  if (context_.IsCancelled()) throw_away();
  advance_or_go(lock);
}

void Stream::advance_or_go(std::unique_lock<std::mutex>& lock) {
  if (!finish_done_ || !call_done_ || reading_ || writing_) return advance(lock);
  lock.unlock();
  parts_.streams.remove(this);
  delete this;
}

void Stream::end(const Error& error) {
  std::unique_lock lock(mutex_);
  begin_closing(to_status(error));
  advance(lock);
}

void Stream::fail(const Error& error) {
  const std::scoped_lock lock(mutex_);
  begin_closing(to_status(error));
}

void Stream::flush() {
  std::unique_lock lock(mutex_);
  hand_over();
  in_flight_ -= std::exchange(answered_, 0);
  advance(lock);
}

void Stream::closed() {
  std::unique_lock lock(mutex_);
  hand_over();
  in_flight_ -= std::exchange(answered_, 0);
  closed_ = true;
  advance(lock);
}

Stream::Posted Stream::post(std::span<engine::Command> commands, std::size_t operations) {
  const std::scoped_lock lock(mutex_);
  if (closing_) return Posted::kClosing;
  if (!parts_.inbox.try_post(commands)) return Posted::kEngineFull;
  opened_ = true;
  in_flight_ += operations;
  return Posted::kYes;
}

void Stream::post_unanswered(engine::CommandBody body) {
  if (closing_) return;
  opened_ = true;
  // The stream lives until the engine has taken its ClosePort, which comes after this.
  std::function<void()> taken;
  if (!crowded_) taken = [this] { inbox_taken(); };
  if (!parts_.inbox.post(engine::Command{this, 0, user_, std::move(body)}, std::move(taken))) crowded_ = true;
}

void Stream::inbox_taken() {
  std::unique_lock lock(mutex_);
  crowded_ = false;
  advance(lock);
}

void Stream::begin_closing(grpc::Status status) {
  // What was sent before the half close may still turn out to be an error, which then is the end.
  if (closing_ && (!status_.ok() || finished_)) return;
  closing_ = true;
  status_ = std::move(status);
}

void Stream::throw_away() {
  cancelled_ = true;
  begin_closing({grpc::StatusCode::CANCELLED, "cancelled"});
}

bool Stream::may_read() const {
  return !closing_ && !reading_ && !starting_ && !crowded_ && in_flight_ < kMaxOperationsInFlight &&
         output_bytes() < kMaxUnwrittenBytes;
}

void Stream::advance(std::unique_lock<std::mutex>& lock) {
  if (cancelled_) drop_output();
  if (closing_ && opened_ && !close_posted_ && in_flight_ == 0) {
    close_posted_ = true;
    parts_.inbox.post(engine::Command{this, 0, user_, engine::ClosePort{}});
  }
  const bool read = may_read();
  if (read) reading_ = true;
  const bool write = !writing_ && !finished_ && take_output();
  if (write) writing_ = true;
  const bool finish = !writing_ && !finished_ && !starting_ && released_by_engine();
  if (finish) finished_ = true;
  lock.unlock();
  if (read) {
    order_.starting();
    stream_.Read(&incoming_, read_.tag());
  }
  if (write) {
    outgoing_ = encode_output();
    order_.starting();
    stream_.Write(outgoing_, write_.tag());
  }
  if (finish) {
    const grpc::Status status = std::move(status_);
    order_.starting();
    stream_.Finish(status, finish_.tag());
  }
}

}  // namespace escrow::rpc
