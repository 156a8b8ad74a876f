// Reads the audit ledger as it grows on disk: gap-free, chained, in order of time.
#pragma once

#include <string>

#include "audit/record.h"
#include "base/bytes.h"
#include "storage/store.h"
#include "tests/sim/verdict.h"

namespace escrow::sim::model {

class Ledger {
 public:
  explicit Ledger(Verdict& verdict) : verdict_(verdict) {}

  /// Calls visit(record) for every record that was not read before.
  template <class Visitor>
  void read_on(const Store& store, Visitor&& visit) {
    std::string key;
    for (;;) {
      key.clear();
      ByteWriter(key).u64_be(tip_.sequence + 1);
      const auto stored = store.get(Table::kAudit, key);
      if (!stored.ok() || !*stored) return;
      for (std::string_view rest = **stored; !rest.empty() && verdict_.ok();) {
        const Result<audit::Record> record = audit::verify(rest, tip_);
        if (!verdict_.require(record.ok(), "the ledger is broken: ", record.ok() ? "" : record.error().message)) return;
        check_time(*record);
        visit(*record);
      }
      if (!verdict_.ok()) return;
    }
  }

  /// Reads everything again from the first record on: nobody changed it meanwhile, and it ends where the head says.
  void check_whole(const Store& store, const audit::Tip& head) const;

  const audit::Tip& tip() const { return tip_; }

 private:
  void check_time(const audit::Record& record);

  Verdict& verdict_;
  audit::Tip tip_;
  Timestamp last_time_{};
};

}  // namespace escrow::sim::model
