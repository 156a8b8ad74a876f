#include "broker/core/delay_log.h"

#include <algorithm>
#include <limits>

#include "base/bytes.h"
#include "base/invariant.h"
#include "base/planted_fault.h"

namespace escrow::broker {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::int64_t kMicrosPerMs = 1000;

Timestamp start_of(DueMs ms) { return from_micros(static_cast<std::int64_t>(ms) * kMicrosPerMs); }

}  // namespace

DueMs due_ms(Timestamp due) {
  return static_cast<DueMs>((std::max<std::int64_t>(to_micros(due), 0) + kMicrosPerMs - 1) / kMicrosPerMs);
}

void DelayCount::encode(std::string& out) const { ByteWriter(out).u8(kVersion).varint(messages).varint(bytes); }

Result<DelayCount> DelayCount::decode(std::string_view in) {
  ByteReader reader(in);
  const bool known = reader.u8() == kVersion;
  DelayCount count;
  count.messages = reader.varint();
  count.bytes = reader.varint();
  if (known && reader.done()) return count;
  return Error{ErrorCode::kDataLoss,
               "STORE_DAMAGED",
               "the count of delayed messages cannot be read: restore the data directory",
               {}};
}

DelayCount DelayLog::count_of(const Fragment& fragment) {
  DelayCount count;
  for (std::uint32_t i = 0; i < fragment.count(); ++i) {
    const Record record = fragment.record(i);
    if (record.cancelled) continue;
    ++count.messages;
    count.bytes += fragment.record_bytes(i) + record.message.apart.size;
  }
  return count;
}

void DelayLog::add(std::string_view record, std::uint32_t body_bytes, Timestamp due, const Moment& moment) {
  ESCROW_INVARIANT(due > moment.now, "what is due at once is not delayed");
  const DelayKey first{due_ms(due), moment.batch, 0};
  // Equal delays come one after the other for the same millisecond.
  if (last_ == building_.end() || last_->first.due != first.due) {
    last_ = building_.upper_bound({first.due, first.batch, std::numeric_limits<std::uint32_t>::max()});
    const bool there = last_ != building_.begin() && std::prev(last_)->first.due == first.due;
    last_ = there ? std::prev(last_) : building_.emplace(first, nullptr).first;
  }
  const auto full = [&](const Fragment& fragment) {
    return fragment.count() >= kMaxEntryMessages || fragment.bytes().size() + record.size() > kMaxEntryBytes;
  };
  if (last_->second != nullptr && full(*last_->second)) {
    DelayKey next = last_->first;
    ++next.part;
    last_ = building_.emplace(next, nullptr).first;
  }
  if (last_->second == nullptr) last_->second = std::make_shared<Fragment>(1, moment.now, moment.batch);
  last_->second->append(record, moment.now);
  ++count_.messages;
  count_.bytes += record.size() + body_bytes;
  may_be_due(first.due);
}

std::optional<Timestamp> DelayLog::next_time() const {
  if (!loaded_.empty()) return Timestamp();
  if (reading_ || !next_due_) return std::nullopt;
  return all_due_ ? Timestamp() : start_of(*next_due_);
}

std::optional<DelayLog::LoadRequest> DelayLog::request_load(Timestamp now) {
  if (reading_ || !next_due_ || loaded_bytes_ >= kReadAheadBytes) return std::nullopt;
  const DueMs until =
      all_due_ ? std::numeric_limits<DueMs>::max() : static_cast<DueMs>(to_micros(now) / kMicrosPerMs) + 1;
  if (*next_due_ >= until) return std::nullopt;
  LoadRequest request{id_, read_until_, until, rewritten_in_};
  // What is read has to be durable; what is not due yet may be missed by the read, but not by next_due_.
  next_due_.reset();
  if (sealed_first_due_) {
    if (*sealed_first_due_ < until) {
      request.after = std::max(request.after, sealed_);
    } else {
      may_be_due(*sealed_first_due_);
    }
  }
  if (!building_.empty() && building_.begin()->first.due < until) request.after = building_.begin()->first.batch;
  if (const auto later = building_.lower_bound({until, 0, 0}); later != building_.end()) may_be_due(later->first.due);
  reading_ = true;
  return request;
}

void DelayLog::load(Loaded loaded) {
  reading_ = false;
  for (Entry& entry : loaded.entries) {
    read_until_ = entry.key;
    ++read_until_.part;
    loaded_bytes_ += entry.messages->footprint();
    loaded_.push_back(std::move(entry));
  }
  if (loaded.next) may_be_due(loaded.next->due);
}

void DelayLog::pop() {
  const Entry& entry = loaded_.front();
  const DelayCount left = count_of(*entry.messages);
  count_.messages -= left.messages;
  count_.bytes -= left.bytes;
  loaded_bytes_ -= entry.messages->footprint();
  if constexpr (!planted_fault::kReleaseNotErased) released_.push_back(entry.key);
  loaded_.pop_front();
}

std::optional<DelayLog::Cancelled> DelayLog::cancel(const DelayKey& key, std::shared_ptr<const Fragment> stored,
                                                    const std::vector<std::uint32_t>& indices, const Moment& moment) {
  Cancelled cancelled;
  const auto loaded = std::ranges::find(loaded_, key, &Entry::key);
  if (loaded != loaded_.end()) {
    stored = loaded->messages;
  } else if (key < read_until_ || stored == nullptr) {
    return cancelled;  // it was released
  } else if (reading_) {
    return std::nullopt;
  }
  auto left = std::make_shared<Fragment>(stored->first(), stored->time(), moment.batch);
  for (std::uint32_t i = 0; i < stored->count(); ++i) {
    const Record record = stored->record(i);
    if (record.cancelled || std::ranges::find(indices, i) == indices.end()) {
      left->append(stored->encoded_record(i), stored->time());
      continue;
    }
    cancelled.indices.push_back(i);
    if (record.message.apart) cancelled.bodies.push_back(record.message.apart);
    std::string nothing;
    encode_record({.cancelled = true}, nothing);
    left->append(nothing, stored->time());
  }
  if (cancelled.indices.empty()) return cancelled;
  left->seal();
  const DelayCount before = count_of(*stored);
  const DelayCount after = count_of(*left);
  count_.messages -= before.messages - after.messages;
  count_.bytes -= before.bytes - after.bytes;
  if (loaded != loaded_.end()) {
    loaded_bytes_ = loaded_bytes_ - stored->footprint() + left->footprint();
    loaded->messages = left;
  }
  rewritten_[key] = std::move(left);
  rewritten_in_ = moment.batch;
  return cancelled;
}

void DelayLog::recover(const DelayCount& count) {
  count_ = count;
  if (count.messages > 0) next_due_ = 0;
}

}  // namespace escrow::broker
