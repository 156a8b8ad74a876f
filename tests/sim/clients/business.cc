#include "tests/sim/clients/business.h"

#include <algorithm>

namespace escrow::sim {

namespace {
constexpr std::size_t kDealsAtOnce = 12;
constexpr std::size_t kLongMemory = 32;
constexpr double kAnswerLost = 0.05;
}  // namespace

void Business::act() {
  if (finishing_) {
    if (ready()) leave();
    return;
  }
  if (!connected()) connect(Transport::kUnary);
  if (!ready()) return;
  if (random_.chance(around_.profile.disconnect)) return leave();
  if (deals_.size() < kDealsAtOnce) begin();
  for (Deal& deal : deals_) {
    if (deal.request == kNoRequest && random_.chance(0.6)) go_on(deal);
  }
  std::erase_if(deals_, [](const Deal& deal) { return deal.stage == Deal::Stage::kOver; });
  if (random_.chance(0.1)) meddle();
}

coordinator::Key Business::draw_key() {
  return {"g" + std::to_string(random_.below(around_.profile.groups)),
          "t" + std::to_string(random_.below(around_.profile.ids))};
}

void Business::begin() {
  Content content;
  content.key = draw_key();
  content.count = static_cast<std::uint32_t>(random_.between(1, around_.profile.messages));
  if (random_.chance(0.2)) content.first_check_delay = Duration(random_.below(2'000'000));
  for (std::uint32_t i = 0; i < content.count; ++i) {
    const Token token = around_.catalog.add(draw_message(around_.profile, random_));
    if (i == 0) content.first = token;
  }
  Deal deal;
  deal.content = around_.catalog.add_content(std::move(content));
  prepare(deal);
  deals_.push_back(deal);
}

void Business::prepare(Deal& deal) {
  const Content& content = around_.catalog.content(deal.content);
  deal.request =
      post(coordinator::Prepare{content.key, around_.catalog.messages(deal.content), content.first_check_delay, {}});
}

void Business::go_on(Deal& deal) {
  switch (deal.stage) {
    case Deal::Stage::kPreparing:
      return prepare(deal);  // the answer was lost
    case Deal::Stage::kWorking:
      return end_locally(deal);
    case Deal::Stage::kDeciding:
      return decide(deal, around_.catalog.content(deal.content).truth == Truth::kCommit);
    case Deal::Stage::kOver:
      return;
  }
}

void Business::end_locally(Deal& deal) {
  if (random_.chance(0.1)) {  // it dies before its local transaction ends
    deal.stage = Deal::Stage::kOver;
    return;
  }
  around_.catalog.decide(deal.content, random_.chance(0.75) ? Truth::kCommit : Truth::kRollback);
  if (random_.chance(0.1)) {  // … or after it, before it can tell
    deal.stage = Deal::Stage::kOver;
    return;
  }
  deal.stage = Deal::Stage::kDeciding;
  const bool commit = around_.catalog.content(deal.content).truth == Truth::kCommit;
  decide(deal, commit);
  // Somebody else has another opinion at the same time.
  if (random_.chance(0.05)) {
    post(coordinator::Decide{around_.catalog.content(deal.content).key, !commit, deal.epoch, "another opinion", {}});
  }
}

void Business::decide(Deal& deal, bool commit) {
  const coordinator::Epoch epoch = random_.chance(0.8) ? deal.epoch : 0;
  const std::string reason = random_.chance(0.5) ? "local transaction ended" : "";
  deal.request = post(coordinator::Decide{around_.catalog.content(deal.content).key, commit, epoch, reason, {}});
}

void Business::meddle() {
  const int what = static_cast<int>(random_.below(4));
  if (what == 0) {
    post(engine::GetTransaction{draw_key()});
  } else if (what == 1) {
    post(coordinator::Decide{draw_key(), random_.chance(0.5), random_.below(3), "out of the blue", {}});
  } else if (!past_.empty()) {
    const Past& past = any_of(past_);
    post(coordinator::Decide{past.key, random_.chance(0.5), past.epoch, "late", {}});
  }
}

void Business::on_reply(std::uint64_t request, const Result<engine::Reply>& reply) {
  const auto it = std::ranges::find(deals_, request, &Deal::request);
  if (it == deals_.end()) return;
  it->request = kNoRequest;
  if (random_.chance(kAnswerLost)) return;
  if (it->stage == Deal::Stage::kPreparing) {
    prepared(*it, reply);
  } else {
    it->stage = Deal::Stage::kOver;
  }
  if (it->stage == Deal::Stage::kOver) deals_.erase(it);
}

void Business::prepared(Deal& deal, const Result<engine::Reply>& reply) {
  if (!reply.ok()) {
    deal.stage = Deal::Stage::kOver;
    return;
  }
  const auto& answer = std::get<engine::Prepared>(*reply);
  deal.epoch = answer.epoch;
  deal.stage = Deal::Stage::kWorking;
  const Past past{around_.catalog.content(deal.content).key, deal.epoch};
  if (past_.size() < kLongMemory) {
    past_.push_back(past);
  } else {
    past_[random_.below(kLongMemory)] = past;
  }
}

void Business::disconnected() {
  for (Deal& deal : deals_) deal.request = kNoRequest;
  std::erase_if(deals_, [&](const Deal&) { return random_.chance(0.3); });
}

}  // namespace escrow::sim
