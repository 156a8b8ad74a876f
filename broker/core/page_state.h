// Which messages of a page are gone, and how often those that are left came back.
//
//   state  u8 version = 1 │ varint gone_before │ varint words │ u64 word* │ varint counts
//          │ { varint offset │ varint count }*
//
// Offsets count from the page's first sequence. Everything below gone_before is gone; bit i of word w says that offset
// w * 64 + i is gone. Acknowledgements in order therefore cost a few bytes, whatever the size of the page.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace escrow::broker {

class PageState {
 public:
  bool gone(std::uint32_t offset) const;
  /// False: it was gone already.
  bool mark_gone(std::uint32_t offset);
  /// How many are gone.
  std::uint32_t gone_count() const { return gone_count_; }
  /// How many of those before `end` are gone.
  std::uint32_t gone_count(std::uint32_t end) const;

  std::uint32_t delivery_count(std::uint32_t offset) const;
  void set_delivery_count(std::uint32_t offset, std::uint32_t count);

  void encode(std::string& out) const;
  static Result<PageState> decode(std::string_view in);

  bool operator==(const PageState&) const = default;

 private:
  std::uint32_t gone_before_ = 0;
  std::uint32_t gone_count_ = 0;
  std::vector<std::uint64_t> words_;  // from offset 0; empty while nothing beyond gone_before_ is gone
  std::vector<std::pair<std::uint32_t, std::uint32_t>> counts_;  // by offset, of messages that are left
};

}  // namespace escrow::broker
