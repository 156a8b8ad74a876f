#include "broker/core/page_state.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <set>

#include "tests/unit/golden.h"

namespace escrow::broker {
namespace {

std::string encoded(const PageState& state) {
  std::string out;
  state.encode(out);
  return out;
}

PageState with_gone(const std::vector<std::uint32_t>& offsets) {
  PageState state;
  for (const std::uint32_t offset : offsets) EXPECT_TRUE(state.mark_gone(offset));
  return state;
}

TEST(PageState, of_which_nothing_is_gone_has_golden_bytes) {
  EXPECT_EQ(hex(encoded(PageState{})), golden("01 00 00 00"));
}

TEST(PageState, acknowledged_in_order_costs_a_few_bytes) {
  PageState state;
  for (std::uint32_t offset = 0; offset < 300; ++offset) EXPECT_TRUE(state.mark_gone(offset));
  EXPECT_EQ(hex(encoded(state)), golden("01 ac02 00 00"));
}

TEST(PageState, acknowledged_out_of_order_has_golden_bytes) {
  EXPECT_EQ(hex(encoded(with_gone({1, 65}))), golden("01 00 02 0200000000000000 0200000000000000 00"));
}

TEST(PageState, with_delivery_counts_has_golden_bytes) {
  PageState state = with_gone({0});
  state.set_delivery_count(300, 2);
  state.set_delivery_count(2, 300);
  EXPECT_EQ(hex(encoded(state)), golden("01 01 00 02 02 ac02 ac02 02"));
}

TEST(PageState, marks_a_message_gone_once) {
  PageState state;
  EXPECT_TRUE(state.mark_gone(5));
  EXPECT_FALSE(state.mark_gone(5));
  EXPECT_EQ(state.gone_count(), 1u);
  EXPECT_TRUE(state.gone(5));
  EXPECT_FALSE(state.gone(4));
  EXPECT_FALSE(state.gone(6));
  EXPECT_FALSE(state.gone(100'000));
}

TEST(PageState, closes_gaps_as_they_fill) {
  PageState state = with_gone({3, 1, 2});
  EXPECT_FALSE(state.gone(0));
  EXPECT_TRUE(state.mark_gone(0));
  EXPECT_EQ(state.gone_count(), 4u);
  EXPECT_FALSE(state.gone(4));
  std::string bytes = encoded(state);
  EXPECT_EQ(bytes[1], 4) << "everything below four is gone";
}

TEST(PageState, forgets_the_delivery_count_of_what_is_gone) {
  PageState state;
  state.set_delivery_count(5, 3);
  EXPECT_EQ(state.delivery_count(5), 3u);
  state.mark_gone(5);
  EXPECT_EQ(state.delivery_count(5), 0u);
}

TEST(PageState, cut_off_or_longer_or_of_a_later_version_is_damaged) {
  PageState state = with_gone({0, 70});
  state.set_delivery_count(3, 300);
  std::string bytes = encoded(state);
  const auto expect_damaged = [](std::string_view in) {
    const auto result = PageState::decode(in);
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().code, ErrorCode::kDataLoss);
    EXPECT_EQ(result.error().reason, "PAGE_STATE_DAMAGED");
  };
  for (std::size_t size = 0; size < bytes.size(); ++size) expect_damaged(std::string_view(bytes).substr(0, size));
  expect_damaged(bytes + "x");
  bytes[0] = 2;
  expect_damaged(bytes);
}

TEST(PageState, that_claims_more_than_it_has_fails_at_once) {
  EXPECT_FALSE(PageState::decode(bytes_of("01 00 ffffffffffffffffff01")).ok());
  EXPECT_FALSE(PageState::decode(bytes_of("01 00 00 ffffffffffffffffff01")).ok());
}

RC_GTEST_PROP(PageState, is_a_set_of_what_is_gone_and_a_map_of_counts, ()) {
  const auto steps = *rc::gen::arbitrary<std::vector<std::pair<std::uint8_t, std::uint8_t>>>();
  const auto size = *rc::gen::inRange<std::uint32_t>(1, 200);
  PageState state;
  std::set<std::uint32_t> gone;
  std::map<std::uint32_t, std::uint32_t> counts;
  for (const auto& [what, value] : steps) {
    const std::uint32_t offset = value % size;
    if (what % 4 == 0 && !gone.contains(offset)) {
      state.set_delivery_count(offset, what);
      counts[offset] = what;
    } else if (what % 4 == 1) {
      // In order, as most are.
      std::uint32_t next = 0;
      while (gone.contains(next)) ++next;
      RC_ASSERT(state.mark_gone(next));
      gone.insert(next);
      counts.erase(next);
    } else {
      RC_ASSERT(state.mark_gone(offset) == gone.insert(offset).second);
      counts.erase(offset);
    }
    RC_ASSERT(state.gone_count() == gone.size());
  }
  const auto back = PageState::decode(encoded(state));
  RC_ASSERT(back.ok());
  RC_ASSERT(*back == state);
  for (const PageState& s : {state, *back}) {
    RC_ASSERT(s.gone_count() == gone.size());
    for (std::uint32_t offset = 0; offset < size + 200; ++offset) {
      RC_ASSERT(s.gone(offset) == gone.contains(offset));
      RC_ASSERT(s.delivery_count(offset) == (counts.contains(offset) ? counts[offset] : 0));
    }
  }
}

RC_GTEST_PROP(PageState, survives_any_bytes, (const std::string& bytes)) {
  static_cast<void>(PageState::decode(bytes).ok());
  static_cast<void>(PageState::decode("\x01" + bytes).ok());
}

}  // namespace
}  // namespace escrow::broker
