#include "rpc/page_token.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

namespace escrow::rpc {
namespace {

RC_GTEST_PROP(PageToken, brings_its_position_back, (const std::string& list, const std::string& position)) {
  const Result<std::string> back = decode_page_token(list, encode_page_token(list, position));
  RC_ASSERT(back.ok());
  RC_ASSERT(*back == position);
}

TEST(PageToken, is_good_for_its_own_list_only) {
  const std::string token = encode_page_token("queues of /", "orders");
  EXPECT_TRUE(decode_page_token("queues of /", token).ok());
  EXPECT_FALSE(decode_page_token("queues of other", token).ok());
}

TEST(PageToken, changed_one_is_malformed) {
  const std::string token = encode_page_token("list", "position");
  for (std::size_t i = 0; i < token.size(); ++i) {
    std::string changed = token;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    const Result<std::string> result = decode_page_token("list", changed);
    ASSERT_FALSE(result.ok()) << "at " << i;
    EXPECT_EQ(result.error().reason, "MALFORMED");
  }
  for (const char* bad : {"", "A", "not base64!", "====", "AAAA"}) EXPECT_FALSE(decode_page_token("list", bad).ok());
  EXPECT_FALSE(decode_page_token("list", std::string(100'000, 'A')).ok());
}

TEST(PageSize, has_a_default_and_a_limit) {
  EXPECT_EQ(*check_page_size(0), 100u);
  EXPECT_EQ(*check_page_size(1000), 1000u);
  EXPECT_EQ(check_page_size(1001).error().reason, "LIMIT_EXCEEDED");
  EXPECT_EQ(check_page_size(-1).error().reason, "MALFORMED");
}

}  // namespace
}  // namespace escrow::rpc
