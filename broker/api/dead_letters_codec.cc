#include "broker/api/dead_letters_codec.h"

#include <utility>

#include "base/bytes.h"
#include "broker/api/broker_codec.h"
#include "broker/core/names.h"
#include "rpc/field_table_codec.h"
#include "rpc/page_token.h"
#include "rpc/status.h"
#include "rpc/time_codec.h"
#include "rpc/utf8.h"

namespace escrow::broker::api {
namespace {

std::string queue_or_parked(std::string queue) { return queue.empty() ? std::string(kParkedQueue) : std::move(queue); }

Result<MessagePlace> to_place(const std::string& id) {
  const std::optional<MessagePlace> place = parse_place(id);
  if (!place) return rpc::malformed("an id of a message is two numbers: 12-345");
  return *place;
}

Result<DeadLetterFilter> to_filter(v1::DeadLetterFilter& in) {
  DeadLetterFilter out;
  switch (in.reason()) {
    case v1::DEATH_REASON_UNSPECIFIED:
      break;
    case v1::DEATH_REASON_REJECTED:
      out.reason = DeathReason::kRejected;
      break;
    case v1::DEATH_REASON_EXPIRED:
      out.reason = DeathReason::kExpired;
      break;
    case v1::DEATH_REASON_MAXLEN:
      out.reason = DeathReason::kMaxLength;
      break;
    case v1::DEATH_REASON_DELIVERY_LIMIT:
      out.reason = DeathReason::kDeliveryLimit;
      break;
    default:
      return rpc::malformed("reason is not one that this server knows");
  }
  if (!in.died_in().empty()) out.died_in = std::move(*in.mutable_died_in());
  if (in.has_exchange()) out.exchange = std::move(*in.mutable_exchange());
  if (in.has_routing_key()) out.routing_key = std::move(*in.mutable_routing_key());
  if (in.has_enqueued_before()) {
    const Result<Timestamp> before = rpc::to_model(in.enqueued_before());
    if (!before) return before.error();
    out.before = *before;
  }
  return out;
}

/// Of RedriveDeadLettersRequest and DiscardDeadLettersRequest, which have the same fields for it.
template <class Request>
Result<DeadLetterSelection> to_selection(Request& request) {
  const auto ids = static_cast<std::size_t>(request.ids_size());
  if (request.has_filter() == (ids > 0)) return rpc::malformed("which messages: either ids or a filter");
  if (ids > kMaxDeadLetterIds) return rpc::limit_exceeded("ids", kMaxDeadLetterIds);
  if (request.reason().size() > kMaxReasonBytes) return rpc::limit_exceeded("reason_bytes", kMaxReasonBytes);
  DeadLetterSelection which;
  which.vhost = vhost_or_default(std::move(*request.mutable_vhost()));
  which.queue = queue_or_parked(std::move(*request.mutable_queue()));
  for (const std::string& id : request.ids()) {
    const Result<MessagePlace> place = to_place(id);
    if (!place) return place.error();
    which.places.push_back(*place);
  }
  if (request.has_filter()) {
    Result<DeadLetterFilter> filter = to_filter(*request.mutable_filter());
    if (!filter) return std::move(filter).error();
    which.filter = *std::move(filter);
  }
  if (request.limit() != 0) which.limit = request.limit();
  return which;
}

/// What a page token of ListDeadLetters is good for.
std::string list_name(std::string_view vhost, std::string_view queue) {
  std::string name;
  ByteWriter(name).string("dead letters").string(vhost).string(queue);
  return name;
}

void to_proto(const PastDeath& death, v1::DeadLetter::Death& out) {
  out.set_reason(rpc::to_utf8(death.reason));
  out.set_queue(rpc::to_utf8(death.queue));
  out.set_exchange(rpc::to_utf8(death.exchange));
  if (!death.entry) return;
  out.set_routing_key(rpc::to_utf8(death.entry->routing_key));
  out.set_count(death.entry->count);
  out.mutable_first_time()->set_seconds(rpc::timestamp_seconds(death.entry->time_s));
}

void to_proto(const DeadLetterItem& item, v1::DeadLetter& out) {
  out.set_id(text_of(item.place));
  rpc::to_proto(item.message.view(), item.message.vhost, *out.mutable_message());
  out.set_body_bytes(item.body_bytes);
  rpc::to_proto(item.time, *out.mutable_enqueue_time());
  out.set_held(item.held);
  if (item.deaths.last) to_proto(*item.deaths.last, *out.mutable_last_death());
  if (item.deaths.first) to_proto(*item.deaths.first, *out.mutable_first_death());
}

}  // namespace

Result<engine::CommandBody> to_list_dead_letters(v1::ListDeadLettersRequest& request, const rpc::Caller&) {
  const Result<std::size_t> size = rpc::check_page_size(request.page_size());
  if (!size) return size.error();
  Result<DeadLetterFilter> filter = to_filter(*request.mutable_filter());
  if (!filter) return std::move(filter).error();
  engine::ListDeadLetters list{vhost_or_default(std::move(*request.mutable_vhost())),
                               queue_or_parked(std::move(*request.mutable_queue())),
                               *std::move(filter),
                               {},
                               *size};
  if (!request.page_token().empty()) {
    const Result<std::string> from = rpc::decode_page_token(list_name(list.vhost, list.queue), request.page_token());
    if (!from) return from.error();
    list.from = parse_place(*from);
  }
  return engine::CommandBody(std::move(list));
}

Result<engine::CommandBody> to_get_dead_letter(v1::GetDeadLetterRequest& request, const rpc::Caller&) {
  const Result<MessagePlace> place = to_place(request.id());
  if (!place) return place.error();
  return engine::CommandBody(engine::GetDeadLetter{vhost_or_default(std::move(*request.mutable_vhost())),
                                                   queue_or_parked(std::move(*request.mutable_queue())), *place});
}

Result<engine::CommandBody> to_redrive_dead_letters(v1::RedriveDeadLettersRequest& request, const rpc::Caller&) {
  Result<DeadLetterSelection> which = to_selection(request);
  if (!which) return std::move(which).error();
  engine::RedriveDeadLetters redrive{*std::move(which), {}, std::move(*request.mutable_reason())};
  if (request.has_to_queue()) redrive.to.queue = std::move(*request.mutable_to_queue());
  if (request.has_to_exchange()) redrive.to.exchange = std::move(*request.mutable_to_exchange());
  if (request.has_to_routing_key()) {
    if (!redrive.to.exchange) return rpc::malformed("to_routing_key goes with to_exchange");
    if (request.to_routing_key().size() > kMaxRoutingKeyBytes) {
      return rpc::limit_exceeded("routing_key_bytes", kMaxRoutingKeyBytes);
    }
    redrive.to.routing_key = std::move(*request.mutable_to_routing_key());
  }
  return engine::CommandBody(std::move(redrive));
}

Result<engine::CommandBody> to_discard_dead_letters(v1::DiscardDeadLettersRequest& request, const rpc::Caller&) {
  if (request.reason().empty()) return rpc::malformed("a discard needs a reason");
  Result<DeadLetterSelection> which = to_selection(request);
  if (!which) return std::move(which).error();
  return engine::CommandBody(engine::DiscardDeadLetters{*std::move(which), std::move(*request.mutable_reason())});
}

v1::ListDeadLettersResponse to_list_dead_letters_response(const engine::DeadLetterList& list) {
  v1::ListDeadLettersResponse out;
  for (const DeadLetterItem& item : list.items) to_proto(item, *out.add_dead_letters());
  if (list.next) {
    out.set_next_page_token(rpc::encode_page_token(list_name(list.vhost, list.queue), text_of(*list.next)));
  }
  return out;
}

v1::DeadLetter to_dead_letter(const engine::DeadLetterShown& shown) {
  v1::DeadLetter out;
  to_proto(*shown.item, out);
  return out;
}

v1::RedriveDeadLettersResponse to_redrive_dead_letters_response(const engine::DeadLetterCounts& counts) {
  v1::RedriveDeadLettersResponse out;
  out.set_redriven(counts.moved);
  out.set_not_routable(counts.not_routable);
  out.set_refused(counts.refused);
  out.set_unavailable(counts.unavailable);
  return out;
}

v1::DiscardDeadLettersResponse to_discard_dead_letters_response(const engine::DeadLetterCounts& counts) {
  v1::DiscardDeadLettersResponse out;
  out.set_discarded(counts.moved);
  out.set_unavailable(counts.unavailable);
  return out;
}

}  // namespace escrow::broker::api
