// A service with transactions: prepares, does its own database transaction, decides, and gets all of it wrong now and then:
// repeats what was answered, decides twice and differently, comes back with an old epoch, dies in between.
#pragma once

#include <vector>

#include "tests/sim/clients/client.h"

namespace escrow::sim {

class Business final : public Client {
 public:
  using Client::Client;

  void act() override;
  void on_reply(std::uint64_t request, const Result<engine::Reply>& reply) override;

 protected:
  void disconnected() override;

 private:
  static constexpr std::uint64_t kNoRequest = ~std::uint64_t{0};
  struct Deal {
    enum class Stage : std::uint8_t { kPreparing, kWorking, kDeciding, kOver };
    Stage stage = Stage::kPreparing;
    ContentId content = 0;
    coordinator::Epoch epoch = 0;
    std::uint64_t request = kNoRequest;  ///< whose answer it waits for
  };
  struct Past {
    coordinator::Key key;
    coordinator::Epoch epoch = 0;
  };

  void begin();
  void go_on(Deal& deal);
  void prepare(Deal& deal);
  void end_locally(Deal& deal);
  void decide(Deal& deal, bool commit);
  void meddle();
  coordinator::Key draw_key();
  void prepared(Deal& deal, const Result<engine::Reply>& reply);

  std::vector<Deal> deals_;
  std::vector<Past> past_;  // for late calls
};

}  // namespace escrow::sim
