#include "client/cpp/transactions.h"

#include "client/cpp/internal/connection.h"
#include "client/cpp/internal/message_codec.h"
#include "client/cpp/internal/transaction_codec.h"

namespace escrow::client {

Transactions::Transactions(const Client& client) : connection_(client.connection()) {}

Result<Transaction> Transactions::get(const std::string& group, const std::string& transaction_id) const {
  v1::GetTransactionRequest request;
  request.set_group(group);
  request.set_transaction_id(transaction_id);
  v1::Transaction response;
  const auto called = connection_->call(internal::Repeat::kTransient, [&](grpc::ClientContext& context) {
    return connection_->coordinator().GetTransaction(&context, request, &response);
  });
  if (!called) return called.error();
  return internal::from_proto(response);
}

Result<TransactionPage> Transactions::list(const TransactionFilter& filter, std::uint32_t page_size,
                                           const std::string& page_token) const {
  v1::ListTransactionsRequest request;
  request.set_page_size(static_cast<std::int32_t>(page_size));
  request.set_page_token(page_token);
  request.set_group(filter.group);
  if (filter.state) request.set_state(internal::to_proto(*filter.state));
  if (filter.min_age.count() > 0) internal::to_proto(filter.min_age, *request.mutable_min_age());
  v1::ListTransactionsResponse response;
  const auto called = connection_->call(internal::Repeat::kTransient, [&](grpc::ClientContext& context) {
    return connection_->coordinator().ListTransactions(&context, request, &response);
  });
  if (!called) return called.error();

  TransactionPage page;
  for (const auto& transaction : response.transactions()) {
    page.transactions.push_back(internal::from_proto(transaction));
  }
  page.next_page_token = response.next_page_token();
  return page;
}

}  // namespace escrow::client
