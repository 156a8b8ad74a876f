#include "tests/sim/clients/producer.h"

namespace escrow::sim {

void Producer::act() {
  if (finishing_ && !diligent_) {
    if (ready()) leave();
    return;
  }
  if (!connected()) arrive();
  if (!ready()) return;
  if (!diligent_ && random_.chance(around_.profile.disconnect)) return leave();
  for (Question& question : questions_) consider(question);
  std::erase_if(questions_, [](const Question& question) { return question.over; });
}

void Producer::arrive() {
  connect(Transport::kStream);
  const auto at_once = static_cast<std::uint32_t>(random_.between(1, diligent_ ? 50 : 5));
  post(engine::OpenCheckbacks{group_, at_once});
  patience_ = random_.chance(0.1) ? 0.0 : random_.fraction();
}

void Producer::on_check(const engine::Check& check) {
  questions_.push_back({check.id, check.key, check.epoch, false, false});
}

void Producer::consider(Question& question) {
  if (diligent_) return answer(question);
  if (!question.received && random_.chance(patience_)) {
    question.received = true;
    post(engine::CheckReceipt{question.check});
  }
  if (random_.chance(patience_ * 0.3)) answer(question);
  if (random_.chance(0.02)) question.over = true;  // forgotten
}

void Producer::answer(Question& question) {
  question.over = true;
  const std::string reason = random_.chance(0.5) ? "the database says so" : "";
  const engine::CheckAnswer answer{question.check, verdict(question), reason};
  post(answer);
  if (random_.chance(0.05)) post(answer);
}

engine::Verdict Producer::verdict(const Question& question) {
  const model::Incarnation* about = around_.model.transactions().find(question.key, question.epoch);
  if (about == nullptr || (!diligent_ && random_.chance(0.3))) return engine::Verdict::kUnknown;
  // Whoever has not committed when it is asked never will.
  if (diligent_ || random_.chance(0.5)) around_.catalog.decide(about->content, Truth::kRollback);
  switch (around_.catalog.content(about->content).truth) {
    case Truth::kCommit:
      return engine::Verdict::kCommit;
    case Truth::kRollback:
      return engine::Verdict::kRollback;
    case Truth::kOpen:
      return engine::Verdict::kUnknown;
  }
  return engine::Verdict::kUnknown;
}

}  // namespace escrow::sim
