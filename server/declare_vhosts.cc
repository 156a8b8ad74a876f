#include "server/declare_vhosts.h"

#include <future>
#include <utility>

#include "engine/port.h"
#include "server/admin_secret.h"

namespace escrow::server {
namespace {

/// Waits for the answers, and keeps the first error.
class Declaring final : public engine::Port {
 public:
  std::future<Result<void>> outcome() { return done_.get_future(); }

 private:
  void reply(std::uint64_t, Result<engine::Reply> reply) override {
    if (!reply && outcome_) outcome_ = std::move(reply).error();
  }
  void deliver(const broker::Delivery&) override {}
  void consumer_cancelled(broker::ConsumerId) override {}
  void check(const engine::Check&) override {}
  void flush() override {}
  // Whoever waits may end this port at once.
  void closed() override { std::exchange(done_, {}).set_value(std::move(outcome_)); }

  Result<void> outcome_;
  std::promise<Result<void>> done_;
};

}  // namespace

Result<void> declare_vhosts(engine::Inbox& inbox, const std::vector<std::string>& names) {
  Declaring port;
  std::future<Result<void>> outcome = port.outcome();
  std::uint64_t request = 0;
  const auto post = [&](engine::CommandBody body) {
    inbox.post({&port, ++request, std::string(kAdministrator), std::move(body)});
  };
  for (const std::string& name : names) post(engine::DeclareVhost{name});
  post(engine::ClosePort{});
  return outcome.get();
}

}  // namespace escrow::server
