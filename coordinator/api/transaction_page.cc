#include "coordinator/api/transaction_page.h"

#include <string>
#include <utility>

#include "base/bytes.h"
#include "coordinator/api/schedule_codec.h"
#include "coordinator/api/transaction_codec.h"
#include "engine/transaction_list.h"
#include "escrow/v1/coordinator.pb.h"
#include "escrow/v1/scheduler.pb.h"
#include "rpc/frame.h"
#include "rpc/page_token.h"
#include "rpc/status.h"
#include "rpc/time_codec.h"

namespace escrow::coordinator::api {
namespace {

Result<engine::TransactionFilter> to_filter(const v1::ListTransactionsRequest& request, Timestamp now) {
  engine::TransactionFilter filter;
  if (request.group().size() > kMaxKeyBytes) return rpc::limit_exceeded("group_bytes", kMaxKeyBytes);
  if (auto valid = check_not_reserved("groups", request.group()); !valid) return std::move(valid).error();
  filter.group = request.group();
  const Result<State> state = to_model(request.state());
  if (!state) return state.error();
  if (*state != State::kNone) filter.state = *state;
  if (request.has_min_age()) {
    const Result<Duration> min_age = rpc::to_model(request.min_age());
    if (!min_age) return min_age.error();
    if (*min_age < Duration::zero()) return rpc::malformed("min_age is negative");
    filter.prepared_before = now - *min_age;
  }
  return filter;
}

/// What a page token is good for.
std::string list_name(const v1::ListTransactionsRequest& request) {
  std::string name;
  ByteWriter(name)
      .string("transactions")
      .string(request.group())
      .u32(static_cast<std::uint32_t>(request.state()))
      .i64(request.min_age().seconds())
      .u32(static_cast<std::uint32_t>(request.min_age().nanos()));
  return name;
}

std::string list_name(const v1::ListSchedulesRequest& request) {
  std::string name;
  ByteWriter(name).string("schedules").string(request.vhost()).u32(static_cast<std::uint32_t>(request.state()));
  return name;
}

/// `add` puts a transaction of the page into the response.
template <class Response, class Request, class Add>
Result<grpc::ByteBuffer> list(const Store& store, const Request& request, const engine::TransactionFilter& filter,
                              Add add) {
  const Result<std::size_t> size = rpc::check_page_size(request.page_size());
  if (!size) return size.error();
  const std::string name = list_name(request);
  std::string from;
  if (!request.page_token().empty()) {
    Result<std::string> position = rpc::decode_page_token(name, request.page_token());
    if (!position) return std::move(position).error();
    from = *std::move(position);
  }
  Result<engine::TransactionPage> page = engine::list_transactions(store, filter, from, *size);
  if (!page) return std::move(page).error();
  Response response;
  for (Transaction& transaction : page->transactions) add(response, std::move(transaction));
  if (!page->next.empty()) response.set_next_page_token(rpc::encode_page_token(name, page->next));
  return rpc::serialize(response);
}

}  // namespace

Result<grpc::ByteBuffer> list_transactions(const Store& store, const grpc::ByteBuffer& bytes, Timestamp now) {
  v1::ListTransactionsRequest request;
  if (auto parsed = rpc::parse(bytes, request); !parsed) return std::move(parsed).error();
  const Result<engine::TransactionFilter> filter = to_filter(request, now);
  if (!filter) return filter.error();
  return list<v1::ListTransactionsResponse>(store, request, *filter, [](auto& response, Transaction transaction) {
    *response.add_transactions() = to_transaction({std::move(transaction), false});
  });
}

Result<grpc::ByteBuffer> list_schedules(const Store& store, const grpc::ByteBuffer& bytes) {
  v1::ListSchedulesRequest request;
  if (auto parsed = rpc::parse(bytes, request); !parsed) return std::move(parsed).error();
  const Result<State> state = to_model(request.state());
  if (!state) return state.error();
  const Result<ScheduleKey> key = to_schedule_key(*request.mutable_vhost(), "*");
  if (!key) return key.error();
  engine::TransactionFilter filter;
  filter.group = key->place().group;
  if (*state != State::kNone) filter.state = *state;
  return list<v1::ListSchedulesResponse>(store, request, filter, [](auto& response, Transaction schedule) {
    *response.add_schedules() = to_scheduled_message({std::move(schedule)});
  });
}

}  // namespace escrow::coordinator::api
