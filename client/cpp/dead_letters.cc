#include "client/cpp/dead_letters.h"

#include <utility>

#include "client/cpp/internal/connection.h"
#include "client/cpp/internal/message_codec.h"
#include "client/cpp/internal/transaction_codec.h"

namespace escrow::client {
namespace {

using internal::Repeat;

Death from_proto(const v1::DeadLetter::Death& in) {
  Death out{in.reason(), in.queue(), in.exchange(), std::nullopt, std::nullopt, std::nullopt};
  if (in.has_routing_key()) out.routing_key = in.routing_key();
  if (in.has_count()) out.count = in.count();
  if (in.has_first_time()) out.first_time = internal::from_proto(in.first_time());
  return out;
}

DeadLetter from_proto(v1::DeadLetter&& in) {
  DeadLetter out;
  out.id = in.id();
  out.message = internal::from_proto(std::move(*in.mutable_message()));
  out.body_bytes = in.body_bytes();
  out.enqueue_time = internal::from_proto(in.enqueue_time());
  out.held = in.held();
  if (in.has_last_death()) out.last_death = from_proto(in.last_death());
  if (in.has_first_death()) out.first_death = from_proto(in.first_death());
  return out;
}

void to_proto(const DeadLetterFilter& in, v1::DeadLetterFilter& out) {
  if (in.reason) out.set_reason(static_cast<v1::DeathReason>(*in.reason));
  out.set_died_in(in.died_in);
  if (in.exchange) out.set_exchange(*in.exchange);
  if (in.routing_key) out.set_routing_key(*in.routing_key);
  if (in.enqueued_before) internal::to_proto(*in.enqueued_before, *out.mutable_enqueued_before());
}

/// Of RedriveDeadLettersRequest and DiscardDeadLettersRequest, which have the same fields for it.
template <class Request>
void to_proto(const DeadLetterSelection& in, Request& out) {
  for (const std::string& id : in.ids) out.add_ids(id);
  if (in.ids.empty()) to_proto(in.filter, *out.mutable_filter());
  out.set_limit(in.limit);
}

template <class Response, class Request>
Result<Response> call(internal::Connection& connection, Repeat repeat, const Request& request,
                      grpc::Status (v1::DeadLetters::Stub::*method)(grpc::ClientContext*, const Request&, Response*)) {
  Response response;
  const auto called = connection.call(repeat, [&](grpc::ClientContext& context) {
    return (connection.dead_letters().*method)(&context, request, &response);
  });
  if (!called) return called.error();
  return response;
}

}  // namespace

DeadLetters::DeadLetters(const Client& client, std::string queue, std::string vhost)
    : connection_(client.connection()), queue_(std::move(queue)), vhost_(std::move(vhost)) {}

Result<DeadLetterPage> DeadLetters::list(const DeadLetterFilter& filter, std::uint32_t page_size,
                                         const std::string& page_token) const {
  v1::ListDeadLettersRequest request;
  request.set_vhost(vhost_);
  request.set_queue(queue_);
  to_proto(filter, *request.mutable_filter());
  request.set_page_size(static_cast<std::int32_t>(page_size));
  request.set_page_token(page_token);
  auto response = call<v1::ListDeadLettersResponse>(*connection_, Repeat::kTransient, request,
                                                    &v1::DeadLetters::Stub::ListDeadLetters);
  if (!response) return std::move(response).error();
  DeadLetterPage page;
  for (v1::DeadLetter& letter : *response->mutable_dead_letters()) {
    page.dead_letters.push_back(from_proto(std::move(letter)));
  }
  page.next_page_token = response->next_page_token();
  return page;
}

Result<DeadLetter> DeadLetters::get(const std::string& id) const {
  v1::GetDeadLetterRequest request;
  request.set_vhost(vhost_);
  request.set_queue(queue_);
  request.set_id(id);
  auto response =
      call<v1::DeadLetter>(*connection_, Repeat::kTransient, request, &v1::DeadLetters::Stub::GetDeadLetter);
  if (!response) return std::move(response).error();
  return from_proto(*std::move(response));
}

Result<Redriven> DeadLetters::redrive(const DeadLetterSelection& which, const RedriveTo& to,
                                      const std::string& reason) const {
  v1::RedriveDeadLettersRequest request;
  request.set_vhost(vhost_);
  request.set_queue(queue_);
  to_proto(which, request);
  request.set_reason(internal::audit_reason(reason));
  if (to.queue) request.set_to_queue(*to.queue);
  if (to.exchange) request.set_to_exchange(*to.exchange);
  if (to.routing_key) request.set_to_routing_key(*to.routing_key);
  const auto response = call<v1::RedriveDeadLettersResponse>(*connection_, Repeat::kRefused, request,
                                                             &v1::DeadLetters::Stub::RedriveDeadLetters);
  if (!response) return response.error();
  return Redriven{response->redriven(), response->not_routable(), response->refused(), response->unavailable()};
}

Result<Discarded> DeadLetters::discard(const DeadLetterSelection& which, const std::string& reason) const {
  v1::DiscardDeadLettersRequest request;
  request.set_vhost(vhost_);
  request.set_queue(queue_);
  to_proto(which, request);
  request.set_reason(internal::audit_reason(reason));
  const auto response = call<v1::DiscardDeadLettersResponse>(*connection_, Repeat::kRefused, request,
                                                             &v1::DeadLetters::Stub::DiscardDeadLetters);
  if (!response) return response.error();
  return Discarded{response->discarded(), response->unavailable()};
}

}  // namespace escrow::client
