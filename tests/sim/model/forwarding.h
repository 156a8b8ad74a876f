// Messages that the server sends on by itself: that die in queues, or were kept back by a delayed exchange. In the batch in
// which they leave they come to all places that a routing of our own finds, once, with the deaths that they have died.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "tests/sim/model/copies.h"
#include "tests/sim/model/delays.h"
#include "tests/sim/model/journal.h"
#include "tests/sim/model/topology.h"

namespace escrow::sim::model {

class Forwarding {
 public:
  Forwarding(Verdict& verdict, const Catalog& catalog, Copies& copies, Delays& delays)
      : verdict_(verdict), catalog_(catalog), copies_(copies), delays_(delays) {}

  /// Explains what a durable batch did. `topologies` are those that there were while it was built.
  void passed(Passage passage, std::vector<const Topology*> topologies, Queue* parked);

 private:
  /// One of the passage's arrivals: in a queue, or at an exchange that keeps it back.
  struct Place {
    std::size_t arrival = 0;
    bool delayed = false;
    bool operator==(const Place&) const = default;
  };
  /// A message that was found where it had to come to.
  struct Found {
    Place place;
    Form form;
  };
  /// Where a message goes.
  struct Targets {
    std::vector<Queue*> queues;
    bool delayed = false;  ///< its exchange keeps it back
  };
  using Trail = std::vector<Found>;

  void come_in();
  void depart(Queue& queue, CopyId id);
  void release(const DelayDeparture& departure);
  void look_for_lost();
  std::vector<DeathReason> reasons(const Copy& copy);
  bool may_have_been_full(const Queue* queue);
  /// It was never written where it died.
  bool explain_unwritten(Token token, Place place);
  /// One of the reasons explains where it is now, and that arrival, if one is given.
  bool buried(const Copy& copy, const std::vector<DeathReason>& possible, std::optional<Place> explains);
  bool died(Token token, const Form& form, const Queue& queue, DeathReason reason, Trail& trail, int depth);
  /// True: the message, dead or not, is wherever it has to come to, which is added to the trail.
  bool follow(Token token, const Form& form, bool dead, Trail& trail, int depth);
  bool found_at(Token token, const Form& form, Queue* queue, Trail& trail, int depth);
  bool found_delayed(Token token, const Form& form, Trail& trail);
  Targets targets(const Form& form, bool dead, const Topology& topology) const;
  bool& explained(Place place);
  void undo(Trail& trail, std::size_t size);
  void take(Trail& trail);

  Verdict& verdict_;
  const Catalog& catalog_;
  Copies& copies_;
  Delays& delays_;
  // Of the batch that is looked at.
  Passage passage_;
  std::vector<const Topology*> topologies_;
  Queue* parked_ = nullptr;
  std::map<const Queue*, std::uint64_t> stored_before_;
};

}  // namespace escrow::sim::model
