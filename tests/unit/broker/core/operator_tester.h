// A broker with somebody who looks at its dead letters, sends them on again and drops them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "model/properties.h"
#include "tests/unit/broker/core/broker_tester.h"

namespace escrow::broker {

struct Operator : BrokerTester {
  using BrokerTester::BrokerTester;

  void declare_with(const std::string& name, std::vector<std::pair<std::string, FieldValue>> arguments) {
    FieldTable table;
    for (auto& [argument, value] : arguments) table.set(argument, std::move(value));
    must(broker->declare_queue({{"/", name, std::move(table)}}, moment()));
  }
  /// Its dead letters go to the queue `dead`.
  void declare_dying(const std::string& name, const std::string& dead) {
    declare_with(name, {{"x-dead-letter-exchange", {std::string()}}, {"x-dead-letter-routing-key", {dead}}});
  }
  void park(const std::string& body, const std::string& key = "nobody") { commit(persistent(view(body, key, ""))); }
  /// Whatever is ready there.
  void reject_all(const std::string& queue) {
    const std::uint64_t count = ready(queue);
    consume("rejects", queue, static_cast<std::uint32_t>(count));
    work();
    must_ok(settle("rejects", 1, count, Settlement::kReject));
    cancel("rejects");
    work();
  }
  /// "dead" has messages of these bodies, which were rejected in "work".
  void make_dead(const std::vector<std::string>& bodies) {
    declare_dying("work", "dead");
    declare("dead");
    for (const std::string& body : bodies) post("work", body);
    reject_all("work");
  }

  template <class Answer>
  Answer answer(std::uint64_t job) {
    return std::get<Answer>(must(dead_letters_done.at(job)));
  }
  DeadLetterCounts redrive(DeadLetterSelection which, RedriveTo to = {}) {
    must_ok(broker->redrive({std::move(which), std::move(to), ""}, ++jobs));
    work();
    return answer<DeadLetterCounts>(jobs);
  }
  DeadLetterCounts discard(DeadLetterSelection which) {
    must_ok(broker->discard({std::move(which), "test"}, ++jobs));
    work();
    return answer<DeadLetterCounts>(jobs);
  }
  DeadLetterList list(ListDeadLetters command) {
    must_ok(broker->list(command, ++jobs));
    work();
    return answer<DeadLetterList>(jobs);
  }
  DeadLetterList list(const std::string& queue) { return list(ListDeadLetters{"/", queue}); }
  Result<DeadLetterAnswer> get(const std::string& queue, const MessagePlace& place) {
    must_ok(broker->get({"/", queue, place}, ++jobs));
    work();
    return dead_letters_done.at(jobs);
  }
  /// What a filter finds in "dead".
  std::size_t found(const DeadLetterFilter& filter) { return list(ListDeadLetters{"/", "dead", filter}).items.size(); }
  /// Takes all that is ready.
  std::string take(const std::string& queue) {
    consume("takes", queue, 100);
    std::string got = work();
    cancel("takes");
    work();
    return got;
  }

  std::uint64_t jobs = 0;
};

}  // namespace escrow::broker
