// Messages that die in queues, and where they come as dead letters: in the same batch, in all queues that a routing of our
// own finds, once, with the deaths that they have died.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "tests/sim/model/copies.h"
#include "tests/sim/model/journal.h"
#include "tests/sim/model/topology.h"

namespace escrow::sim::model {

class Deaths {
 public:
  Deaths(Verdict& verdict, const Catalog& catalog, Copies& copies)
      : verdict_(verdict), catalog_(catalog), copies_(copies) {}

  /// Explains what a durable batch did. `topologies` are those that there were while it was built.
  void passed(Passage passage, std::vector<const Topology*> topologies, Queue* parked);

 private:
  /// A dead letter that was found where it had to be.
  struct Found {
    std::size_t arrival = 0;
    Form form;
  };
  using Trail = std::vector<Found>;

  void depart(Queue& queue, CopyId id);
  std::vector<DeathReason> reasons(const Copy& copy);
  bool may_have_been_full(const Queue* queue);
  /// It was never written where it died.
  void explain_unwritten(std::size_t arrival);
  /// One of the reasons explains where it is now, and that arrival, unless it may be any.
  bool buried(const Copy& copy, const std::vector<DeathReason>& possible, std::size_t explains);
  bool follow(Token token, const Form& form, const Queue& died_in, DeathReason reason, Trail& trail, int depth);
  bool found_at(Token token, const Form& form, Queue* queue, Trail& trail, int depth);
  std::vector<Queue*> targets(const Form& form, const Topology& topology) const;
  void undo(Trail& trail, std::size_t size);

  Verdict& verdict_;
  const Catalog& catalog_;
  Copies& copies_;
  // Of the batch that is looked at.
  Passage passage_;
  std::vector<const Topology*> topologies_;
  Queue* parked_ = nullptr;
  std::map<const Queue*, std::uint64_t> stored_before_;
};

}  // namespace escrow::sim::model
