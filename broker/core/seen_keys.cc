#include "broker/core/seen_keys.h"

#include <algorithm>

namespace escrow::broker {
namespace {

constexpr std::uint8_t kVersion = 1;

}  // namespace

std::size_t SeenKeys::find(const Part& part, const SeenKey& key) const {
  const std::size_t mask = part.slots.size() - 1;
  std::size_t at = key[0] & mask;
  while (part.slots[at] != 0 && key_at(part.slots[at]) != key) at = (at + 1) & mask;
  return at;
}

bool SeenKeys::in_window(std::uint64_t position, const DeduplicationWindow& window, Timestamp now) const {
  if (end() - position > window.keys) return false;
  if (!window.ttl_ms) return true;
  const auto after = std::ranges::upper_bound(runs_, position, {}, &Run::first);
  return std::prev(after)->time + std::chrono::milliseconds(*window.ttl_ms) > now;
}

bool SeenKeys::contains(const SeenKey& key, const DeduplicationWindow& window, Timestamp now) const {
  const Part& part = part_of(key);
  if (part.slots.empty()) return false;
  const std::uint32_t slot = part.slots[find(part, key)];
  if (slot == 0) return false;
  const std::uint32_t offset = (slot - static_cast<std::uint32_t>(first_)) & (kUsed - 1);
  return in_window(first_ + offset, window, now);
}

void SeenKeys::add(const SeenKey& key, bool stored, const DeduplicationWindow& window, Timestamp now) {
  stored = stored && stored_;
  if (building_ == 0 || runs_.back().stored != stored) {
    runs_.push_back({end(), now, stored, 0});
    ++building_;
  }
  runs_.back().time = now;
  insert(key, end());
  forget(window, now);
}

void SeenKeys::insert(const SeenKey& key, std::uint64_t position) {
  Part& part = part_of(key);
  if ((part.used + 1) * 2 > part.slots.size()) grow(part);
  keys_.push_back(key);
  std::uint32_t& slot = part.slots[find(part, key)];
  // One that has left the window, and was not forgotten yet, is found at its new place from now on.
  if (slot == 0) ++part.used;
  slot = slot_of(position);
}

void SeenKeys::grow(Part& part) {
  const std::vector<std::uint32_t> old = std::exchange(part.slots, {});
  part.slots.resize(std::max(kFirstSlots, old.size() * 2));
  for (const std::uint32_t slot : old) {
    if (slot != 0) part.slots[find(part, key_at(slot))] = slot;
  }
}

void SeenKeys::erase(Part& part, std::size_t slot) {
  const std::size_t mask = part.slots.size() - 1;
  part.slots[slot] = 0;
  --part.used;
  // What was put behind it for want of room moves up.
  for (std::size_t at = (slot + 1) & mask; part.slots[at] != 0; at = (at + 1) & mask) {
    const std::size_t home = key_at(part.slots[at])[0] & mask;
    if (((at - home) & mask) < ((at - slot) & mask)) continue;
    part.slots[slot] = std::exchange(part.slots[at], 0);
    slot = at;
  }
}

void SeenKeys::forget(const DeduplicationWindow& window, Timestamp now) {
  for (std::size_t i = 0; i < kForgetPerAdd && !keys_.empty() && !in_window(first_, window, now); ++i) forget_first();
}

void SeenKeys::forget_first() {
  Part& part = part_of(keys_.front());
  const std::size_t slot = find(part, keys_.front());
  if (part.slots[slot] == slot_of(first_)) erase(part, slot);
  keys_.pop_front();
  ++first_;
  if (runs_.size() > 1 ? runs_[1].first > first_ : !keys_.empty()) return;
  if (building_ == runs_.size()) {
    --building_;
  } else if (runs_.front().stored) {
    erased_.push_back(runs_.front().row);
  }
  runs_.pop_front();
}

std::string SeenKeys::encode(const Run& run, std::uint64_t end) const {
  std::string out;
  ByteWriter writer(out);
  writer.u8(kVersion).i64(to_micros(run.time));
  for (std::uint64_t i = std::max(run.first, first_); i < end; ++i) {
    for (const std::uint64_t half : keys_[i - first_]) writer.u64(half);
  }
  return out;
}

Result<void> SeenKeys::recover(std::uint64_t row, std::string_view bytes) {
  ByteReader reader(bytes);
  const bool known = reader.u8() == kVersion;
  const Timestamp time = from_micros(reader.i64());
  const std::size_t keys = reader.rest().size() / sizeof(SeenKey);
  runs_.push_back({end(), time, true, row});
  for (std::size_t i = 0; i < keys; ++i) {
    SeenKey key;
    for (std::uint64_t& half : key) half = reader.u64();
    insert(key, end());
  }
  next_row_ = row + 1;
  if (known && keys > 0 && reader.done()) return {};
  return Error{
      ErrorCode::kDataLoss, "STORE_DAMAGED", "idempotency keys cannot be read: restore the data directory", {}};
}

}  // namespace escrow::broker
