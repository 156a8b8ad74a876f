// Looking at transactions, for programs that watch or report.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "client/cpp/client.h"
#include "client/cpp/transaction.h"

namespace escrow::client {

/// Thread-safe.
class Transactions {
 public:
  explicit Transactions(const Client& client);

  /// NOT_FOUND when the id is unknown or no longer kept.
  Result<Transaction> get(const std::string& group, const std::string& transaction_id) const;

  /// One page: open transactions in order of group and id, then decided ones in order of decision.
  /// `page_size` at most 1,000, 0 means 100; `page_token` from the page before, empty for the first.
  Result<TransactionPage> list(const TransactionFilter& filter, std::uint32_t page_size = 0,
                               const std::string& page_token = {}) const;

 private:
  std::shared_ptr<internal::Connection> connection_;
};

}  // namespace escrow::client
