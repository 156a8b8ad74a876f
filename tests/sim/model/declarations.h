// Which exchanges, queues and bindings there are: as of the last command that was applied, and as of the ledger.
//
// Commands about the topology are applied when they are submitted, so the model knows at once what each must answer and
// which record it must leave. The ledger must then hold these records, in this order, and no others.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/record.h"
#include "engine/command.h"
#include "tests/sim/model/topology.h"
#include "tests/sim/verdict.h"

namespace escrow::sim::model {

/// What a command about the topology must answer.
struct Expected {
  std::optional<ErrorCode> error;
  /// It changes something: the change must be in the ledger before the answer.
  std::optional<std::uint64_t> change;
};

class Declarations {
 public:
  explicit Declarations(Verdict& verdict);

  Expected asked(const engine::DeclareExchange& body, const std::string& actor);
  Expected asked(const engine::DeleteExchange& body, const std::string& actor);
  Expected asked(const engine::DeclareQueue& body, const std::string& actor);
  Expected asked(const engine::DeleteQueue& body, const std::string& actor);
  Expected asked(const engine::Bind& body, const std::string& actor);

  /// The ledger has a record about an exchange, a queue or a binding.
  void recorded(const audit::Record& record);
  /// All that were durable since the last call, or may have been in force until now.
  std::vector<const Topology*> take_versions();
  bool is_recorded(std::uint64_t change) const { return change < recorded_; }
  void sealed();
  /// What was not recorded never happened.
  void crashed();

  const Topology& applied() const { return applied_; }
  const Topology& durable() const { return durable_; }
  /// Grows with every change that is applied.
  std::uint64_t changes() const { return next_; }

  /// Where committed messages without a queue go. Exists from its first message on.
  Queue* parked() const { return parked_; }
  void park();
  const std::vector<std::unique_ptr<Queue>>& queues() const { return queues_; }
  /// There are consumers.
  bool some_consume() const;

 private:
  struct Pending {
    TopologyChange change;
    audit::Record record;  ///< as far as it can be foreseen
  };
  Expected change(TopologyChange change, audit::Record record);
  Queue* make_queue(std::string name);
  void apply_recorded(const TopologyChange& change);

  Verdict& verdict_;
  std::vector<std::unique_ptr<Queue>> queues_;
  Queue* parked_;
  Topology applied_;
  Topology durable_;
  std::vector<std::unique_ptr<const Topology>> versions_;  // before durable_, not taken yet
  std::vector<std::unique_ptr<const Topology>> taken_;
  std::deque<Pending> pending_;
  std::uint64_t recorded_ = 0;
  std::uint64_t next_ = 0;
};

}  // namespace escrow::sim::model
