#include "rpc/stream.h"

#include <utility>

#include "rpc/status.h"
#include "rpc/unary.h"

namespace escrow::rpc {

Stream* Stream::start(Stream* stream, const grpc::CallbackServerContext& context, Authenticator& authenticator) {
  if (const Result<void> added = stream->streams_.add(stream); !added) {
    stream->authenticated(added.error());
    return stream;
  }
  if (std::optional<Authenticator::Verdict> user = authenticator.known(authorization(context))) {
    stream->authenticated(*std::move(user));
  } else {
    authenticator.verify(authorization(context), [stream](Authenticator::Verdict verdict) {
      stream->authenticated(std::move(verdict));
    });
  }
  return stream;
}

void Stream::authenticated(Authenticator::Verdict user) {
  bool read = false;
  {
    const std::scoped_lock lock(mutex_);
    if (user) {
      user_ = *std::move(user);
    } else {
      begin_closing(to_status(user.error()));
    }
    read = reading_ = !closing_;
  }
  if (read) {
    order_.starting();
    StartRead(&incoming_);
  }
  // Until here the stream cannot finish, so nobody can have deleted it.
  std::unique_lock lock(mutex_);
  starting_ = false;
  advance(lock);
}

void Stream::OnReadDone(bool ok) {
  order_.reacting();
  Result<void> taken;
  if (ok) taken = on_frame(incoming_);
  incoming_.Clear();
  std::unique_lock lock(mutex_);
  reading_ = false;
  if (!ok) begin_closing(grpc::Status::OK);
  if (!taken) begin_closing(to_status(taken.error()));
  advance(lock);
}

void Stream::OnWriteDone(bool ok) {
  order_.reacting();
  std::unique_lock lock(mutex_);
  writing_ = false;
  outgoing_.Clear();
  if (!ok) throw_away();
  output_moved();
  advance(lock);
}

void Stream::OnCancel() {
  std::unique_lock lock(mutex_);
  throw_away();
  advance(lock);
}

void Stream::OnDone() {
  order_.reacting();
  { const std::scoped_lock last(mutex_); }  // a reaction may have used it after Finish, in vain
  streams_.remove(this);
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
  if (!inbox_.try_post(commands)) return Posted::kEngineFull;
  opened_ = true;
  in_flight_ += operations;
  return Posted::kYes;
}

void Stream::post_unanswered(engine::CommandBody body) {
  if (closing_) return;
  opened_ = true;
  inbox_.post(engine::Command{this, 0, user_, std::move(body)});
}

void Stream::begin_closing(grpc::Status status) {
  if (closing_) return;
  closing_ = true;
  status_ = std::move(status);
}

void Stream::throw_away() {
  cancelled_ = true;
  begin_closing({grpc::StatusCode::CANCELLED, "cancelled"});
}

bool Stream::may_read() const {
  return !closing_ && !reading_ && !starting_ && in_flight_ < kMaxOperationsInFlight &&
         output_bytes() < kMaxUnwrittenBytes;
}

void Stream::advance(std::unique_lock<std::mutex>& lock) {
  if (cancelled_) drop_output();
  if (closing_ && opened_ && !close_posted_ && in_flight_ == 0) {
    close_posted_ = true;
    inbox_.post(engine::Command{this, 0, user_, engine::ClosePort{}});
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
    StartRead(&incoming_);
  }
  if (write) {
    outgoing_ = encode_output();
    order_.starting();
    StartWrite(&outgoing_);
  }
  if (finish) {
    grpc::Status status = std::move(status_);
    order_.starting();
    Finish(std::move(status));
  }
}

}  // namespace escrow::rpc
