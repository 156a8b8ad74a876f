#include "bench/load.h"

#include "bench/fail.h"

namespace escrow::bench {

std::unique_ptr<client::internal::Connection> connect(const LoadOptions& options) {
  auto connection = std::make_unique<client::internal::Connection>(
      client::ClientOptions{.target = options.target, .user = options.user, .password = options.password});
  const auto declared = connection->call(client::internal::Repeat::kTransient, [&](grpc::ClientContext& context) {
    v1::DeclareQueueRequest request;
    v1::DeclareQueueResponse response;
    request.set_queue(kQueue);
    return connection->broker().DeclareQueue(&context, request, &response);
  });
  if (!declared) fail("the queue cannot be declared", declared.error().message);
  return connection;
}

Requests::Requests(const LoadOptions& options)
    : prefix_(std::to_string(std::chrono::system_clock::now().time_since_epoch().count()) + "-"),
      body_(options.body_bytes, 'x') {}

void Requests::prepare(v1::PrepareRequest& request) {
  if (request.messages_size() == 0) {
    request.set_group("bench");
    auto& message = *request.add_messages()->mutable_message();
    message.set_routing_key(kQueue);
    message.set_body(body_);
  }
  request.set_transaction_id(prefix_ + std::to_string(next_++));
}

void Requests::commit(const v1::PrepareRequest& prepared, std::uint64_t epoch, v1::CommitRequest& request) {
  request.set_group(prepared.group());
  request.set_transaction_id(prepared.transaction_id());
  request.set_epoch(epoch);
}

}  // namespace escrow::bench
