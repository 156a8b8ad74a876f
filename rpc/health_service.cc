#include "rpc/health_service.h"

#include <grpcpp/support/async_stream.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "rpc/status.h"

namespace escrow::rpc {
namespace {

using grpc::health::v1::HealthCheckRequest;

}  // namespace

/// A call of Watch. All of it is guarded by the mutex of the service, but for its operations' ends, which
/// come on the queue's thread. Deletes itself.
class HealthService::Watch final : private Call, private Completion {
 public:
  static void accept(CallQueue& queue, HealthService& service) {
    auto* const watch = new Watch(queue, service);
    watch->context_.AsyncNotifyWhenDone(watch->call_done_.tag());
    service.service_.RequestWatch(&watch->context_, &watch->request_, &watch->writer_, queue.grpc(), queue.grpc(),
                                  watch->tag());
  }

  /// Writes what has changed, and ends when nothing more can. Mutex held.
  void advance() {
    if (writing_ || finishing_) return;
    if (gone_) return finish();
    const Response::ServingStatus now = known_ ? service_.status() : Response::SERVICE_UNKNOWN;
    if (now != told_) {
      told_ = now;
      writing_ = true;
      Response response;
      response.set_status(now);
      writer_.Write(serialize(response), tag());
    } else if (!service_.serving_) {
      finish();
    }
  }

 private:
  /// The call has ended, for whatever reason.
  struct CallDone final : Completion {
    explicit CallDone(Watch& owner) : watch(owner) {}
    void completed(bool) override { watch.call_done(); }
    Watch& watch;
  };

  Watch(CallQueue& queue, HealthService& service) : Call(queue), service_(service) {}

  // Of the request, then of one write after the other, then of Finish.
  void completed(bool ok) override {
    if (!begun_) {
      if (!ok) {
        delete this;
        return;
      }
      begin();
      return;
    }
    std::unique_lock lock(service_.mutex_);
    if (finishing_) finished_ = true;
    writing_ = false;
    gone_ = gone_ || !ok;
    advance_or_go(lock);
  }

  void begin() {
    begun_ = true;
    accept(queue(), service_);
    HealthCheckRequest request;
    known_ = parse(request_, request).ok() && service_.knows(request.service());
    std::unique_lock lock(service_.mutex_);
    service_.watches_.insert(this);
    advance_or_go(lock);
  }

  void call_done() {
    std::unique_lock lock(service_.mutex_);
    call_done_seen_ = gone_ = true;
    advance_or_go(lock);
  }

  void advance_or_go(std::unique_lock<std::mutex>& lock) {
    if (!finished_ || !call_done_seen_) return advance();
    service_.watches_.erase(this);
    lock.unlock();
    delete this;
  }

  void finish() {
    finishing_ = true;
    writer_.Finish(to_status(shutting_down()), tag());
  }

  HealthService& service_;
  grpc::ServerContext context_;
  grpc::ByteBuffer request_;
  grpc::ServerAsyncWriter<grpc::ByteBuffer> writer_{&context_};
  CallDone call_done_{*this};
  bool begun_ = false;
  bool known_ = false;
  std::optional<Response::ServingStatus> told_;
  bool writing_ = false;
  bool gone_ = false;  // nobody listens any more
  bool finishing_ = false;
  bool finished_ = false;
  bool call_done_seen_ = false;
};

HealthService::HealthService(std::vector<std::string> services) : services_(std::move(services)) {
  unary_endpoints_ = {
      {[this](auto*... call) { service_.RequestCheck(call...); }, [this](UnaryCall& call) { check(call); }}};
}

void HealthService::accept(CallQueue& queue) {
  Service::accept(queue);
  Watch::accept(queue, *this);
}

void HealthService::check(UnaryCall& call) {
  HealthCheckRequest request;
  if (const auto parsed = parse(call.request(), request); !parsed) return call.fail(parsed.error());
  if (!knows(request.service())) {
    return call.fail({ErrorCode::kNotFound, "SERVICE_UNKNOWN", "no service '" + request.service() + "' here", {}});
  }
  Response response;
  {
    const std::scoped_lock lock(mutex_);
    response.set_status(status());
  }
  call.finish(serialize(response));
}

bool HealthService::knows(std::string_view service) const {
  return service.empty() || std::ranges::find(services_, service) != services_.end();
}

void HealthService::stop_serving() {
  const std::scoped_lock lock(mutex_);
  serving_ = false;
  for (Watch* watch : watches_) watch->advance();
}

}  // namespace escrow::rpc
