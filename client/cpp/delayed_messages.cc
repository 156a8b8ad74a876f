#include "client/cpp/delayed_messages.h"

#include <utility>

#include "client/cpp/internal/connection.h"
#include "client/cpp/internal/message_codec.h"
#include "client/cpp/internal/transaction_codec.h"

namespace escrow::client {
namespace {

using internal::Repeat;

template <class Request>
Request request_for(const DelayedPlace& place) {
  Request request;
  request.set_vhost(place.vhost);
  place.queue.empty() ? request.set_exchange(place.exchange) : request.set_queue(place.queue);
  return request;
}

template <class Request, class Response>
Result<Response> call(internal::Connection& connection, const Request& request,
                      grpc::Status (v1::DelayedMessages::Stub::*method)(grpc::ClientContext*, const Request&,
                                                                        Response*)) {
  Response response;
  const auto called = connection.call(Repeat::kTransient, [&](grpc::ClientContext& context) {
    response.Clear();
    return (connection.delayed_messages().*method)(&context, request, &response);
  });
  if (!called) return called.error();
  return response;
}

}  // namespace

DelayedMessages::DelayedMessages(const Client& client, DelayedPlace place)
    : connection_(client.connection()), place_(std::move(place)) {}

Result<DelayedMessagePage> DelayedMessages::list(std::uint32_t page_size, const std::string& page_token) const {
  auto request = request_for<v1::ListDelayedMessagesRequest>(place_);
  request.set_page_size(static_cast<std::int32_t>(page_size));
  request.set_page_token(page_token);
  auto response = call(*connection_, request, &v1::DelayedMessages::Stub::List);
  if (!response) return std::move(response).error();
  DelayedMessagePage page;
  for (v1::DelayedMessage& message : *response->mutable_messages()) {
    DelayedMessage& out = page.messages.emplace_back();
    out.id = message.id();
    out.due_time = internal::from_proto(message.due_time());
    out.message = internal::from_proto(std::move(*message.mutable_message()));
    out.body_bytes = message.body_bytes();
  }
  page.next_page_token = response->next_page_token();
  return page;
}

Result<std::vector<std::string>> DelayedMessages::cancel(const std::vector<std::string>& ids,
                                                         const std::string& reason) const {
  auto request = request_for<v1::CancelDelayedMessagesRequest>(place_);
  request.mutable_ids()->Assign(ids.begin(), ids.end());
  request.set_reason(internal::audit_reason(reason));
  const auto response = call(*connection_, request, &v1::DelayedMessages::Stub::Cancel);
  if (!response) return response.error();
  return std::vector<std::string>(response->cancelled_ids().begin(), response->cancelled_ids().end());
}

Result<std::uint64_t> DelayedMessages::purge(const std::string& reason) const {
  auto request = request_for<v1::PurgeDelayedMessagesRequest>(place_);
  request.set_reason(internal::audit_reason(reason));
  const auto response = call(*connection_, request, &v1::DelayedMessages::Stub::Purge);
  if (!response) return response.error();
  return std::uint64_t{response->message_count()};
}

}  // namespace escrow::client
