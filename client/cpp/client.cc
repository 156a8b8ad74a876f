#include "client/cpp/client.h"

#include <utility>

#include "client/cpp/internal/connection.h"

namespace escrow::client {

Client::Client(ClientOptions options) : connection_(std::make_shared<internal::Connection>(std::move(options))) {}

bool Client::wait_connected(std::chrono::milliseconds timeout) const { return connection_->wait_connected(timeout); }

Result<void> Client::ping() const {
  v1::ListQueuesRequest request;
  request.set_page_size(1);
  return connection_->call(internal::Repeat::kTransient, [&](grpc::ClientContext& context) {
    v1::ListQueuesResponse response;
    return connection_->broker().ListQueues(&context, request, &response);
  });
}

}  // namespace escrow::client
