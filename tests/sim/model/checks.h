// Questions to producers: who was asked what, when, and whether that was allowed.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>

#include "engine/command.h"
#include "tests/sim/model/consumers.h"
#include "tests/sim/model/transactions.h"

namespace escrow::sim::model {

class Checks {
 public:
  Checks(Verdict& verdict, const Catalog& catalog, const Present& present, Transactions& transactions,
         Duration receipt_timeout, Duration answer_timeout)
      : verdict_(verdict),
        catalog_(catalog),
        present_(present),
        transactions_(transactions),
        receipt_timeout_(receipt_timeout),
        answer_timeout_(answer_timeout) {}

  void opened(PortNumber port, const engine::OpenCheckbacks& body, const std::string& actor);
  void received(PortNumber port, const engine::CheckReceipt& body);
  void answered(PortNumber port, const engine::CheckAnswer& body);
  void port_closed(PortNumber port);
  void crashed();

  /// A check arrived at a port.
  void asked(PortNumber port, const engine::Check& check);

 private:
  struct Producer {
    std::string actor;
    std::uint32_t max_in_flight = 0;
    bool closed = false;
  };
  /// A check that is neither answered nor left by its producer.
  struct Asked {
    PortNumber port = 0;
    coordinator::Key key;
    Epoch epoch = 0;
    bool acknowledged = false;
    Timestamp not_over_before;  ///< the engine may give it up then, but nobody hears of that
  };
  void check_content(const engine::Check& check, const Incarnation& about);
  void check_others(PortNumber port, const Producer& producer, const engine::Check& check);
  void acknowledge(Asked& asked);

  Verdict& verdict_;
  const Catalog& catalog_;
  const Present& present_;
  Transactions& transactions_;
  Duration receipt_timeout_;
  Duration answer_timeout_;
  std::unordered_map<PortNumber, std::map<std::string, Producer>> producers_;  // by group
  std::map<std::uint64_t, Asked> checks_;
};

}  // namespace escrow::sim::model
