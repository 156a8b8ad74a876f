// Answers checks, mostly.
#pragma once

#include <vector>

#include "tests/sim/clients/client.h"

namespace escrow::sim {

class Producer final : public Client {
 public:
  /// `diligent`: for the end of a run; answers everything at once, by what the local database says.
  Producer(Surroundings& surroundings, std::string actor, Random random, std::string group, bool diligent)
      : Client(surroundings, std::move(actor), random), group_(std::move(group)), diligent_(diligent) {}

  void act() override;
  void on_check(const engine::Check& check) override;

 protected:
  void disconnected() override { questions_.clear(); }

 private:
  struct Question {
    std::uint64_t check = 0;
    coordinator::Key key;
    coordinator::Epoch epoch = 0;
    bool received = false;
    bool over = false;
  };
  void arrive();
  void consider(Question& question);
  void answer(Question& question);
  engine::Verdict verdict(const Question& question);

  const std::string group_;
  const bool diligent_;
  double patience_ = 0.5;  // how soon it answers; drawn anew with each connection
  std::vector<Question> questions_;
};

}  // namespace escrow::sim
