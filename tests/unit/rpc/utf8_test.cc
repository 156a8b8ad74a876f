#include "rpc/utf8.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

namespace escrow::rpc {
namespace {

const std::string kReplacement = "\xEF\xBF\xBD";

TEST(Utf8, text_of_every_length_is_text) {
  for (const char* text : {"", "plain", "caf\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\xF4\x8F\xBF\xBF",
                           "seven b\xC3\xA9 and more than eight"}) {
    EXPECT_TRUE(is_utf8(text)) << text;
    EXPECT_EQ(to_utf8(text), text);
  }
}

TEST(Utf8, what_unicode_forbids_is_no_text) {
  for (const char* bytes : {"\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80", "\xF0\x80\x80\x80", "\xF4\x90\x80\x80",
                            "\xF8\x88\x80\x80\x80", "\x80", "\xC3", "\xE2\x82", "latin caf\xE9"}) {
    EXPECT_FALSE(is_utf8(bytes));
    EXPECT_TRUE(is_utf8(to_utf8(bytes)));
  }
}

TEST(Utf8, only_the_broken_bytes_are_replaced) {
  EXPECT_EQ(to_utf8("a\xE9"
                    "b\xC3\xA9"),
            "a" + kReplacement + "b\xC3\xA9");
  EXPECT_EQ(to_utf8("\xE2\x82"), kReplacement + kReplacement);
}

RC_GTEST_PROP(Utf8, whatever_goes_in_comes_out_as_text_and_stays_what_it_is, (const std::string& bytes)) {
  const std::string text = to_utf8(bytes);
  RC_ASSERT(is_utf8(text));
  RC_ASSERT(to_utf8(text) == text);
}

}  // namespace
}  // namespace escrow::rpc
