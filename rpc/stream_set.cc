#include "rpc/stream_set.h"

#include "rpc/status.h"
#include "rpc/stream.h"

namespace escrow::rpc {

Result<void> StreamSet::add(Stream* stream) {
  const std::scoped_lock lock(mutex_);
  if (ending_) return shutting_down();
  if (streams_.size() >= limit_) {
    Error error = limit_exceeded("streams", limit_);
    error.code = ErrorCode::kResourceExhausted;
    return error;
  }
  streams_.insert(stream);
  return {};
}

void StreamSet::remove(Stream* stream) {
  const std::scoped_lock lock(mutex_);
  streams_.erase(stream);
}

std::size_t StreamSet::size() const {
  const std::scoped_lock lock(mutex_);
  return streams_.size();
}

void StreamSet::end_all() {
  // A stream removes itself before it dies, and waits for the mutex to do so.
  const std::scoped_lock lock(mutex_);
  ending_ = true;
  for (Stream* stream : streams_) stream->end(shutting_down());
}

}  // namespace escrow::rpc
