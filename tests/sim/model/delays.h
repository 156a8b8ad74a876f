// What delayed exchanges keep back: from when on it may be released, and that it is on disk until then.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/model/form.h"
#include "tests/sim/model/journal.h"
#include "tests/sim/verdict.h"

namespace escrow::sim::model {

struct Delayed {
  Token token = 0;
  Form form;           ///< as it will be released
  Timestamp earliest;  ///< of its time, which the store tells to the millisecond
  bool stored = false;
  bool gone = false;
};

class Delays {
 public:
  Delays(Verdict& verdict, const Catalog& catalog) : verdict_(verdict), catalog_(catalog) {}

  /// Sent at that time to an exchange that delays it.
  void kept_back(Token token, Timestamp sent);
  /// A batch brought one that was sent. kNone: none that was expected.
  std::uint32_t arrived(const DelayArrival& arrival, const Window& when);
  /// True: it is one that the server has sent on in this form, which then has its times. Takes it over.
  bool arrived_on(const DelayArrival& arrival, Form& form, const Window& when);
  std::uint32_t add(const DelayArrival& arrival, Form form);
  void left(std::uint32_t id);
  /// It was confirmed; `exchange_stayed`: nobody deleted its exchange meanwhile.
  void confirmed(Token token, bool exchange_stayed) const;
  /// What the ledger told of since the last call is on disk.
  void check_committed(const Topology& durable);
  void committed(Token token, Timestamp when);
  /// What was not stored never happened.
  void crashed();

  const Delayed& operator[](std::uint32_t id) const { return delayed_[id]; }
  /// On disk.
  std::size_t waiting() const { return waiting_; }

 private:
  bool is_time(const DelayArrival& arrival, Duration delay, const Window& when) const;

  Verdict& verdict_;
  const Catalog& catalog_;
  std::vector<Delayed> delayed_;
  std::vector<std::uint32_t> expected_;   // not stored yet
  std::vector<std::uint32_t> committed_;  // by the batch that is looked at
  std::size_t waiting_ = 0;
};

}  // namespace escrow::sim::model
