#include "engine/batch.h"

namespace escrow::engine {

std::string page_key(broker::LogId log, broker::Seq first) {
  std::string key;
  ByteWriter(key).u64_be(log).u64_be(first);
  return key;
}

std::string log_key(broker::LogId log) {
  std::string key;
  ByteWriter(key).u64_be(log);
  return key;
}

std::string keys_key(broker::LogId log, std::uint64_t row) {
  std::string key;
  ByteWriter(key).u64_be(log).u64_be(row);
  return key;
}

std::string body_key(std::uint64_t body, std::uint32_t chunk) {
  std::string key;
  ByteWriter(key).u64_be(body).u32_be(chunk);
  return key;
}

std::string delay_key(broker::LogId log, const broker::DelayKey& entry) {
  std::string key;
  ByteWriter(key).u64_be(log).u64_be(entry.due).u64_be(entry.batch).u32_be(entry.part);
  return key;
}

std::optional<broker::DelayKey> decode_delay_key(std::string_view key) {
  ByteReader reader(key);
  reader.u64_be();
  broker::DelayKey entry;
  entry.due = reader.u64_be();
  entry.batch = reader.u64_be();
  entry.part = reader.u32_be();
  return reader.done() ? std::optional(entry) : std::nullopt;
}

void Batch::put_body(BodyRef body, std::shared_ptr<const std::string> bytes) {
  for (std::uint32_t chunk = 0; chunk * kBodyChunk < bytes->size(); ++chunk) {
    auto writes = std::make_shared<WriteSet>();
    writes->put(Table::kBodies, body_key(body.id, chunk),
                std::string_view(*bytes).substr(chunk * kBodyChunk, kBodyChunk));
    bodies_.push_back(std::move(writes));
  }
}

void Batch::erase_body(BodyRef body) {
  for (std::uint32_t chunk = 0; chunk * kBodyChunk < body.size; ++chunk) {
    writes_.erase(Table::kBodies, body_key(body.id, chunk));
  }
}

void Batch::put_decided(std::string_view key, const coordinator::Transaction& t, bool was_checked) {
  writes_.erase(Table::kOpenTransactions, key);
  if (was_checked) writes_.erase(Table::kChecks, key);
  writes_.put(Table::kDecidedTransactions, key, coordinator::encode_decided(t));
}

void Batch::put_group(std::string_view name, LaneId lane) {
  scratch_.clear();
  ByteWriter(scratch_).u8(1).u32(lane);
  writes_.put(Table::kGroups, name, scratch_);
}

void Batch::audit(audit::Record record, audit::Tip& tip) {
  if (audit_.empty()) first_audit_ = tip.sequence + 1;
  audit::append(std::move(record), tip, audit_);
}

void Batch::topology(const broker::TopologyChange& change) {
  if (change.value) {
    writes_.put(Table::kTopology, change.key, *change.value);
  } else {
    writes_.erase(Table::kTopology, change.key);
  }
}

void Batch::erase_log(broker::LogId log) {
  const std::string from = log_key(log);
  const std::string to = log_key(log + 1);
  writes_.erase_range(Table::kPages, from, to);
  writes_.erase_range(Table::kPageIndex, from, to);
  writes_.erase_range(Table::kPageState, from, to);
  writes_.erase(Table::kLogState, from);
}

namespace {

/// The fragment's bytes, which keep the fragment alive.
WriteSet::SharedBytes bytes_of(std::shared_ptr<const broker::Fragment> fragment) {
  const std::string* bytes = &fragment->bytes();
  return {std::move(fragment), bytes};
}

}  // namespace

void Batch::start_page(broker::LogId log, broker::Seq page, std::shared_ptr<const broker::Fragment> fragment) {
  writes_.put(Table::kPages, page_key(log, page), bytes_of(std::move(fragment)));
}

void Batch::append_page(broker::LogId log, broker::Seq page, std::shared_ptr<const broker::Fragment> fragment) {
  writes_.append(Table::kPages, page_key(log, page), bytes_of(std::move(fragment)));
}

void Batch::put_page(broker::LogId log, broker::Seq page, std::string bytes) {
  writes_.put(Table::kPages, page_key(log, page), std::make_shared<const std::string>(std::move(bytes)));
}

void Batch::put_delayed(broker::LogId log, const broker::DelayKey& entry,
                        std::shared_ptr<const broker::Fragment> messages) {
  writes_.put(Table::kDelayed, delay_key(log, entry), bytes_of(std::move(messages)));
}

void Batch::put_delay_count(broker::LogId log, const broker::DelayCount& count) {
  scratch_.clear();
  count.encode(scratch_);
  writes_.put(Table::kDelayed, log_key(log), scratch_);
}

void Batch::erase_page(broker::LogId log, broker::Seq page, bool indexed, bool has_state) {
  const std::string key = page_key(log, page);
  writes_.erase(Table::kPages, key);
  if (indexed) writes_.erase(Table::kPageIndex, key);
  if (has_state) writes_.erase(Table::kPageState, key);
}

void Batch::put_extent(broker::LogId log, const broker::PageExtent& extent) {
  scratch_.clear();
  extent.encode(scratch_);
  writes_.put(Table::kPageIndex, page_key(log, extent.first), scratch_);
}

void Batch::put_page_state(broker::LogId log, broker::Seq page, const broker::PageState& state) {
  scratch_.clear();
  state.encode(scratch_);
  writes_.put(Table::kPageState, page_key(log, page), scratch_);
}

void Batch::put_log_state(broker::LogId log, const broker::LogState& state) {
  scratch_.clear();
  state.encode(scratch_);
  writes_.put(Table::kLogState, log_key(log), scratch_);
}

void Batch::seal(const Head& head, broker::BatchNumber durable) {
  if (!audit_.empty()) {
    scratch_.clear();
    ByteWriter(scratch_).u64_be(first_audit_);
    writes_.put(Table::kAudit, scratch_, audit_);
  }
  writes_.put(Table::kHead, kHeadKey, head.encode());
  writes_.set_batch(head.batch, durable);
}

void Batch::clear() {
  writes_.clear();
  audit_.clear();
}

}  // namespace escrow::engine
