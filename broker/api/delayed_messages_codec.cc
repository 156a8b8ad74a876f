#include "broker/api/delayed_messages_codec.h"

#include <utility>

#include "broker/api/broker_codec.h"
#include "broker/core/failure.h"
#include "rpc/page_token.h"
#include "rpc/status.h"
#include "rpc/time_codec.h"

namespace escrow::broker::api {
namespace {

constexpr std::string_view kList = "delayed messages";

/// All requests name the place in the same way.
template <class Request>
Result<WaitingPlace> to_place(Request& request) {
  WaitingPlace place;
  place.vhost = vhost_or_default(std::move(*request.mutable_vhost()));
  switch (request.place_case()) {
    case Request::kExchange:
      place.of = DestinationKind::kExchange;
      place.name = std::move(*request.mutable_exchange());
      return place;
    case Request::kQueue:
      place.of = DestinationKind::kQueue;
      place.name = std::move(*request.mutable_queue());
      return place;
    default:
      return rpc::malformed("the exchange or the queue is missing");
  }
}

template <class Request>
Result<std::string> to_reason(Request& request) {
  if (request.reason().size() > kMaxFailureReason) return rpc::limit_exceeded("reason_bytes", kMaxFailureReason);
  return std::move(*request.mutable_reason());
}

}  // namespace

Result<engine::CommandBody> to_list_waiting(v1::ListDelayedMessagesRequest& request, const rpc::Caller&) {
  Result<WaitingPlace> place = to_place(request);
  if (!place) return std::move(place).error();
  const Result<std::size_t> size = rpc::check_page_size(request.page_size());
  if (!size) return size.error();
  engine::ListWaiting list{*std::move(place), {}, *size};
  if (!request.page_token().empty()) {
    const Result<std::string> after = rpc::decode_page_token(kList, request.page_token());
    if (!after) return after.error();
    list.after = parse_waiting_id(*after);
  }
  return engine::CommandBody(std::move(list));
}

Result<engine::CommandBody> to_cancel_waiting(v1::CancelDelayedMessagesRequest& request, const rpc::Caller&) {
  Result<WaitingPlace> place = to_place(request);
  if (!place) return std::move(place).error();
  Result<std::string> reason = to_reason(request);
  if (!reason) return std::move(reason).error();
  const auto count = static_cast<std::size_t>(request.ids_size());
  if (count == 0) return rpc::malformed("the ids are missing");
  if (count > engine::CancelWaiting::kMaxIds) return rpc::limit_exceeded("ids", engine::CancelWaiting::kMaxIds);
  engine::CancelWaiting cancel{*std::move(place), {}, *std::move(reason)};
  for (const std::string& text : request.ids()) {
    const std::optional<WaitingId> id = parse_waiting_id(text);
    if (!id) return rpc::malformed("an id is not one that List has told");
    cancel.ids.push_back(*id);
  }
  return engine::CommandBody(std::move(cancel));
}

Result<engine::CommandBody> to_purge_waiting(v1::PurgeDelayedMessagesRequest& request, const rpc::Caller&) {
  Result<WaitingPlace> place = to_place(request);
  if (!place) return std::move(place).error();
  Result<std::string> reason = to_reason(request);
  if (!reason) return std::move(reason).error();
  return engine::CommandBody(engine::PurgeWaiting{*std::move(place), *std::move(reason)});
}

v1::ListDelayedMessagesResponse to_list_response(const engine::WaitingList& list) {
  v1::ListDelayedMessagesResponse out;
  for (const engine::WaitingList::Item& item : list.messages) {
    v1::DelayedMessage& message = *out.add_messages();
    message.set_id(to_text(item.id));
    rpc::to_proto(item.due, *message.mutable_due_time());
    rpc::to_proto(item.message.view(), item.message.vhost, *message.mutable_message());
    message.set_body_bytes(item.message.view().body_bytes());
  }
  if (list.next) out.set_next_page_token(rpc::encode_page_token(kList, to_text(*list.next)));
  return out;
}

v1::CancelDelayedMessagesResponse to_cancel_response(const engine::WaitingCancelled& cancelled) {
  v1::CancelDelayedMessagesResponse out;
  for (const WaitingId& id : cancelled.ids) out.add_cancelled_ids(to_text(id));
  return out;
}

v1::PurgeDelayedMessagesResponse to_purge_response(const engine::MessageCount& count) {
  v1::PurgeDelayedMessagesResponse out;
  out.set_message_count(count.messages);
  return out;
}

}  // namespace escrow::broker::api
