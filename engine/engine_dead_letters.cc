// How the engine applies the commands of operators about dead letters, and records what became of each message.
#include <utility>
#include <variant>

#include "engine/engine.h"

namespace escrow::engine {
namespace {

/// Which queue, and why; of a command that changes something.
struct Cause {
  const broker::DeadLetterSelection& which;
  const std::string& reason;

  static Cause of(const CommandBody& body) {
    if (const auto* redrive = std::get_if<RedriveDeadLetters>(&body)) return {redrive->which, redrive->reason};
    const auto& discard = std::get<DiscardDeadLetters>(body);
    return {discard.which, discard.reason};
  }
};

std::string reason_for(const std::string& to, const std::string& why) {
  if (to.empty()) return why;
  return "to " + to + (why.empty() ? "" : ": " + why);
}

}  // namespace

void Engine::apply(const Command& command, const ListDeadLetters& body) {
  const std::uint64_t job = next_job_++;
  if (auto started = broker_.list(body, job); !started) return reply(command, started.error());
  jobs_.emplace(job, command);
}

void Engine::apply(const Command& command, const GetDeadLetter& body) {
  const std::uint64_t job = next_job_++;
  if (auto started = broker_.get(body, job); !started) return reply(command, started.error());
  jobs_.emplace(job, command);
}

void Engine::apply(const Command& command, const RedriveDeadLetters& body) {
  const std::uint64_t job = next_job_++;
  if (auto started = broker_.redrive(body, job); !started) return reply(command, started.error());
  jobs_.emplace(job, command);
}

void Engine::apply(const Command& command, const DiscardDeadLetters& body) {
  const std::uint64_t job = next_job_++;
  if (auto started = broker_.discard(body, job); !started) return reply(command, started.error());
  jobs_.emplace(job, command);
}

void Engine::take_dead_letters(broker::BrokerEffects& effects) {
  using audit::Existence;
  for (const broker::BrokerEffects::DeadLetterGone& gone : effects.dead_letters_gone) {
    const Command& command = jobs_.at(gone.job);
    const auto [which, why] = Cause::of(command.body);
    const Existence after = gone.to.empty() ? Existence::kAbsent : Existence::kRedriven;
    touch();
    audit(audit::Subject::kDeadLetter, static_cast<std::uint8_t>(Existence::kPresent), static_cast<std::uint8_t>(after),
          command.actor, reason_for(gone.to, why), which.vhost, text_of(gone.place) + " in " + which.queue);
  }
  for (broker::BrokerEffects::DeadLettersDone& done : effects.dead_letters_done) {
    const auto job = jobs_.extract(done.job);
    const auto as_reply = [](auto answer) { return Result<Reply>(Reply(std::move(answer))); };
    reply(job.mapped(), done.answer ? std::visit(as_reply, *std::move(done.answer)) : done.answer.error());
  }
}

}  // namespace escrow::engine
