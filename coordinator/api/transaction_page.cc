#include "coordinator/api/transaction_page.h"

#include <string>
#include <utility>

#include "base/bytes.h"
#include "coordinator/api/transaction_codec.h"
#include "engine/transaction_list.h"
#include "rpc/frame.h"
#include "rpc/page_token.h"
#include "rpc/status.h"
#include "rpc/time_codec.h"

namespace escrow::coordinator::api {
namespace {

Result<engine::TransactionFilter> to_filter(const v1::ListTransactionsRequest& request, Timestamp now) {
  engine::TransactionFilter filter;
  if (request.group().size() > kMaxKeyBytes) return rpc::limit_exceeded("group_bytes", kMaxKeyBytes);
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

}  // namespace

Result<v1::ListTransactionsResponse> list_transactions(const Store& store, const grpc::ByteBuffer& bytes,
                                                       Timestamp now) {
  v1::ListTransactionsRequest request;
  if (auto parsed = rpc::parse(bytes, request); !parsed) return std::move(parsed).error();
  const Result<std::size_t> size = rpc::check_page_size(request.page_size());
  if (!size) return size.error();
  const Result<engine::TransactionFilter> filter = to_filter(request, now);
  if (!filter) return filter.error();
  const std::string name = list_name(request);
  std::string from;
  if (!request.page_token().empty()) {
    Result<std::string> position = rpc::decode_page_token(name, request.page_token());
    if (!position) return std::move(position).error();
    from = *std::move(position);
  }
  Result<engine::TransactionPage> page = engine::list_transactions(store, *filter, from, *size);
  if (!page) return std::move(page).error();
  v1::ListTransactionsResponse response;
  for (Transaction& transaction : page->transactions) {
    *response.add_transactions() = to_transaction({std::move(transaction), false});
  }
  if (!page->next.empty()) response.set_next_page_token(rpc::encode_page_token(name, page->next));
  return response;
}

}  // namespace escrow::coordinator::api
