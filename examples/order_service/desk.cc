#include "examples/order_service/desk.h"

#include <chrono>
#include <cstdio>
#include <thread>

#include "client/cpp/broker.h"
#include "client/cpp/transactions.h"
#include "examples/order_service/order_service.h"

namespace order_service {
namespace {

using escrow::Error;
using escrow::client::Broker;
using escrow::client::Client;
using escrow::client::ExchangeType;
using escrow::client::TransactionFilter;
using escrow::client::Transactions;
using escrow::client::TransactionState;

constexpr std::chrono::seconds kPatience{60};
constexpr std::chrono::milliseconds kPollInterval{100};

int fail(const char* what, const Error& error) {
  std::fprintf(stderr, "%s: %s: %s\n", what, error.reason.c_str(), error.message.c_str());
  return 1;
}

/// Whether some transaction of the service is in this state.
escrow::Result<bool> any_in(const Transactions& transactions, TransactionState state) {
  TransactionFilter filter{.group = kGroup, .state = state};
  std::string page_token;
  do {
    const auto page = transactions.list(filter, 1, page_token);
    if (!page) return page.error();
    if (!page->transactions.empty()) return true;
    page_token = page->next_page_token;
  } while (!page_token.empty());
  return false;
}

escrow::Result<bool> queue_empty(Broker& broker) {
  const auto page = broker.list_queues();
  if (!page) return page.error();
  for (const auto& queue : page->queues) {
    if (queue.queue == kQueue) return queue.messages_ready + queue.messages_unacknowledged == 0;
  }
  return false;
}

}  // namespace

int declare(const Client& client) {
  Broker broker(client);
  if (auto done = broker.declare_exchange(kExchange, ExchangeType::kTopic); !done) {
    return fail("declare the exchange", done.error());
  }
  if (auto done = broker.declare_queue(kQueue); !done) return fail("declare the queue", done.error());
  if (auto done = broker.bind({.source = kExchange, .queue = kQueue, .routing_key = "placed.#"}); !done) {
    return fail("bind the queue", done.error());
  }
  return 0;
}

int await_rest(const Client& client) {
  const Transactions transactions(client);
  Broker broker(client);
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < end) {
    const auto open = any_in(transactions, TransactionState::kPrepared);
    if (!open) return fail("look at the transactions", open.error());
    const auto empty = queue_empty(broker);
    if (!empty) return fail("look at the queue", empty.error());
    if (!*open && *empty) {
      const auto doubtful = any_in(transactions, TransactionState::kInDoubt);
      if (!doubtful) return fail("look at the transactions", doubtful.error());
      if (!*doubtful) return 0;
      std::fprintf(stderr, "a transaction is in doubt\n");
      return 1;
    }
    // The API has no event for "nothing left to do"; nobody but a demo waits for it.
    std::this_thread::sleep_for(kPollInterval);
  }
  std::fprintf(stderr, "transactions or messages were still left after %d s\n", static_cast<int>(kPatience.count()));
  return 1;
}

}  // namespace order_service
