#include "tests/sim/model/ledger.h"

namespace escrow::sim::model {

void Ledger::check_time(const audit::Record& record) {
  verdict_.require(record.time >= last_time_, "engine time ran backwards at audit record ", record.sequence);
  last_time_ = record.time;
}

void Ledger::check_whole(const Store& store, const audit::Tip& head) const {
  audit::Tip tip;
  for (const auto it = store.scan(Table::kAudit, "", ""); it->valid(); it->next()) {
    verdict_.require(ByteReader(it->key()).u64_be() == tip.sequence + 1, "audit records after ", tip.sequence,
                     " are missing");
    for (std::string_view rest = it->value(); !rest.empty();) {
      const Result<audit::Record> record = audit::verify(rest, tip);
      if (!verdict_.require(record.ok(), "the ledger is broken after record ", tip.sequence)) return;
    }
  }
  verdict_.require(tip == head, "the ledger ends at record ", tip.sequence, ", the head says ", head.sequence);
  verdict_.require(tip == tip_, "the ledger was changed after it had been read");
}

}  // namespace escrow::sim::model
