#include "broker/core/page_state.h"

#include <algorithm>
#include <bit>

#include "base/bytes.h"

namespace escrow::broker {
namespace {

constexpr std::uint8_t kVersion = 1;

bool bit(const std::vector<std::uint64_t>& words, std::uint32_t offset) {
  return offset / 64 < words.size() && (words[offset / 64] >> (offset % 64) & 1) != 0;
}

auto find_count(auto& counts, std::uint32_t offset) {
  return std::ranges::lower_bound(counts, offset, {}, [](const auto& entry) { return entry.first; });
}

}  // namespace

bool PageState::gone(std::uint32_t offset) const { return offset < gone_before_ || bit(words_, offset); }

std::uint32_t PageState::gone_count(std::uint32_t end) const {
  std::uint32_t count = std::min(gone_before_, end);
  for (std::uint32_t offset = gone_before_; offset < end; ++offset) count += bit(words_, offset) ? 1 : 0;
  return count;
}

bool PageState::mark_gone(std::uint32_t offset) {
  if (gone(offset)) return false;
  ++gone_count_;
  if (const auto it = find_count(counts_, offset); it != counts_.end() && it->first == offset) counts_.erase(it);
  if (offset != gone_before_) {
    if (words_.size() <= offset / 64) words_.resize(offset / 64 + 1);
    words_[offset / 64] |= std::uint64_t{1} << (offset % 64);
    return true;
  }
  ++gone_before_;
  while (bit(words_, gone_before_)) ++gone_before_;
  if (words_.size() * 64 <= gone_before_) words_.clear();
  return true;
}

std::uint32_t PageState::delivery_count(std::uint32_t offset) const {
  const auto it = find_count(counts_, offset);
  return it != counts_.end() && it->first == offset ? it->second : 0;
}

void PageState::set_delivery_count(std::uint32_t offset, std::uint32_t count) {
  const auto it = find_count(counts_, offset);
  if (it != counts_.end() && it->first == offset) {
    it->second = count;
  } else {
    counts_.insert(it, {offset, count});
  }
}

void PageState::encode(std::string& out) const {
  ByteWriter writer(out);
  writer.u8(kVersion).varint(gone_before_).varint(words_.size());
  for (const std::uint64_t word : words_) writer.u64(word);
  writer.varint(counts_.size());
  for (const auto& [offset, count] : counts_) writer.varint(offset).varint(count);
}

Result<PageState> PageState::decode(std::string_view in) {
  ByteReader reader(in);
  PageState state;
  const bool known = reader.u8() == kVersion;
  state.gone_before_ = static_cast<std::uint32_t>(reader.varint());
  const std::uint64_t words = reader.varint();
  for (std::uint64_t i = 0; i < words && reader.ok(); ++i) state.words_.push_back(reader.u64());
  const std::uint64_t counts = reader.varint();
  for (std::uint64_t i = 0; i < counts && reader.ok(); ++i) {
    const auto offset = static_cast<std::uint32_t>(reader.varint());
    state.counts_.emplace_back(offset, static_cast<std::uint32_t>(reader.varint()));
  }
  if (!known || !reader.done()) {
    return Error{ErrorCode::kDataLoss,
                 "PAGE_STATE_DAMAGED",
                 "a stored page state cannot be read: restore the data directory",
                 {}};
  }
  state.gone_count_ = state.gone_before_;
  for (std::uint32_t offset = state.gone_before_; offset < state.words_.size() * 64; ++offset) {
    if (bit(state.words_, offset)) ++state.gone_count_;
  }
  return state;
}

}  // namespace escrow::broker
