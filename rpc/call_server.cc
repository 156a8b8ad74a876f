#include "rpc/call_server.h"

#include <algorithm>
#include <thread>

namespace escrow::rpc {
namespace {

/// With more threads than it needs, each does less: they take the polling away from one another.
constexpr unsigned kCoresPerQueue = 8;

}  // namespace

std::unique_ptr<CallServer> CallServer::start(grpc::ServerBuilder& builder, const std::vector<Service*>& services,
                                              const std::function<void()>& attend) {
  std::unique_ptr<CallServer> started(new CallServer);
  const unsigned queues = std::max(1u, std::thread::hardware_concurrency() / kCoresPerQueue);
  for (unsigned i = 0; i < queues; ++i) {
    started->queues_.push_back(std::make_unique<CallQueue>(builder.AddCompletionQueue()));
  }
  for (Service* service : services) builder.RegisterService(&service->grpc());
  started->server_ = builder.BuildAndStart();
  if (started->server_ == nullptr) return nullptr;
  for (const auto& queue : started->queues_) {
    queue->start(
        [services, queue = queue.get()] {
          for (Service* service : services) service->accept(*queue);
        },
        attend);
  }
  return started;
}

void CallServer::shutdown(std::chrono::system_clock::time_point deadline) {
  server_->Shutdown(deadline);
  for (const auto& queue : queues_) queue->stop();
}

CallServer::~CallServer() {
  if (server_ != nullptr) shutdown(std::chrono::system_clock::now());
}

}  // namespace escrow::rpc
