#include "broker/core/topic_trie.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace escrow::broker {
namespace {

using Words = std::vector<std::string>;

Words words_of(const std::string& text) {
  Words words;
  if (text.empty()) return words;
  std::string word;
  for (const char c : text + ".") {
    if (c != '.') {
      word.push_back(c);
    } else {
      words.push_back(std::exchange(word, {}));
    }
  }
  return words;
}

/// The definition, word by word; exponential, which is why it is not the implementation.
bool naive(const Words& pattern, std::size_t p, const Words& key, std::size_t k) {
  if (p == pattern.size()) return k == key.size();
  if (pattern[p] == "#") {
    for (std::size_t rest = k; rest <= key.size(); ++rest) {
      if (naive(pattern, p + 1, key, rest)) return true;
    }
    return false;
  }
  return k < key.size() && (pattern[p] == "*" || pattern[p] == key[k]) && naive(pattern, p + 1, key, k + 1);
}

bool naive(const std::string& pattern, const std::string& key) { return naive(words_of(pattern), 0, words_of(key), 0); }

bool matches(const std::string& pattern, const std::string& key) {
  TopicTrie<int> trie;
  int target = 0;
  trie.insert(pattern, &target);
  int visits = 0;
  trie.match(key, [&](int*) { ++visits; });
  EXPECT_LE(visits, 1) << "one binding is visited once";
  EXPECT_EQ(visits == 1, naive(pattern, key)) << pattern << " on " << key;
  return visits == 1;
}

TEST(TopicTrie, plain_words_match_themselves) {
  EXPECT_TRUE(matches("stock.usd.nyse", "stock.usd.nyse"));
  EXPECT_FALSE(matches("stock.usd.nyse", "stock.usd"));
  EXPECT_FALSE(matches("stock.usd", "stock.usd.nyse"));
  EXPECT_FALSE(matches("stock.usd", "stock.eur"));
}

TEST(TopicTrie, star_matches_exactly_one_word) {
  EXPECT_TRUE(matches("*", "a"));
  EXPECT_TRUE(matches("a.*.c", "a.b.c"));
  EXPECT_FALSE(matches("a.*.c", "a.c"));
  EXPECT_FALSE(matches("a.*.c", "a.b.b.c"));
  EXPECT_FALSE(matches("*", ""));
  EXPECT_TRUE(matches("*.*", ".")) << "two empty words are words";
}

TEST(TopicTrie, hash_matches_no_word_at_all) {
  EXPECT_TRUE(matches("#", ""));
  EXPECT_TRUE(matches("a.#", "a"));
  EXPECT_TRUE(matches("#.a", "a"));
  EXPECT_TRUE(matches("a.#.b", "a.b"));
  EXPECT_TRUE(matches("#.#.#", ""));
}

TEST(TopicTrie, hash_matches_any_number_of_words) {
  EXPECT_TRUE(matches("#", "a.b.c.d"));
  EXPECT_TRUE(matches("a.#.d", "a.b.c.d"));
  EXPECT_FALSE(matches("a.#.d", "a.b.c"));
  EXPECT_TRUE(matches("#.b.#", "a.a.b.c.c"));
  EXPECT_FALSE(matches("#.b.#", "a.c"));
}

TEST(TopicTrie, hash_and_star_together_want_at_least_one_word) {
  for (const char* pattern : {"#.*", "*.#"}) {
    EXPECT_FALSE(matches(pattern, ""));
    EXPECT_TRUE(matches(pattern, "a"));
    EXPECT_TRUE(matches(pattern, "a.b"));
  }
}

TEST(TopicTrie, empty_words_are_words) {
  EXPECT_TRUE(matches("", ""));
  EXPECT_FALSE(matches("", "."));
  EXPECT_TRUE(matches(".", "."));
  EXPECT_TRUE(matches("a.", "a."));
  EXPECT_FALSE(matches("a.", "a"));
  EXPECT_TRUE(matches("a..b", "a..b"));
  EXPECT_TRUE(matches("a.*.b", "a..b"));
}

TEST(TopicTrie, wildcards_are_words_of_their_own_or_plain_text) {
  EXPECT_FALSE(matches("a*", "ab"));
  EXPECT_TRUE(matches("a*", "a*"));
  EXPECT_FALSE(matches("a#", "a.b"));
}

TEST(TopicTrie, a_key_may_hold_wildcards_which_match_nothing_special) {
  EXPECT_FALSE(matches("a", "*"));
  EXPECT_FALSE(matches("a", "#"));
  EXPECT_TRUE(matches("*", "*"));
  EXPECT_TRUE(matches("*", "#"));
  EXPECT_TRUE(matches("#", "#.*"));
  EXPECT_FALSE(matches("a.#.b", "#"));
}

TEST(TopicTrie, visits_a_target_once_for_each_pattern_that_matches) {
  TopicTrie<int> trie;
  int target = 0;
  for (const char* pattern : {"a.b", "a.*", "#", "c"}) trie.insert(pattern, &target);
  int visits = 0;
  trie.match("a.b", [&](int* t) { visits += t == &target; });
  EXPECT_EQ(visits, 3);
}

TEST(TopicTrie, hostile_patterns_of_many_hashes_finish_fast) {
  // 127 times `#.` and a word that never comes, in 100 variants, against a key of 127 words. Walked naively this takes
  // longer than the universe has lasted.
  TopicTrie<int> trie;
  int target = 0;
  for (int variant = 0; variant < 100; ++variant) {
    std::string pattern;
    for (int i = 0; i < 125; ++i) pattern += i == variant ? "*." : "#.";
    trie.insert(pattern + "z", &target);
  }
  std::string key = "a";
  for (int i = 0; i < 126; ++i) key += ".a";
  int visits = 0;
  for (int i = 0; i < 10; ++i) trie.match(key, [&](int*) { ++visits; });
  EXPECT_EQ(visits, 0);
  trie.match(key + ".z", [&](int*) { ++visits; });
  EXPECT_EQ(visits, 100);
}

std::string random_text(const std::vector<std::string>& alphabet) {
  const auto words = *rc::gen::container<Words>(rc::gen::elementOf(alphabet));
  std::string text;
  for (std::size_t i = 0; i < std::min<std::size_t>(words.size(), 7); ++i) text += (i == 0 ? "" : ".") + words[i];
  return text;
}

RC_GTEST_PROP(TopicTrie, agrees_with_the_definition, ()) {
  const Words pattern_words = {"a", "b", "*", "#", "#", ""};
  const Words key_words = {"a", "b", "c", "", "*", "#"};
  std::vector<std::string> patterns;
  const int count = *rc::gen::inRange(1, 12);
  for (int i = 0; i < count; ++i) patterns.push_back(random_text(pattern_words));
  TopicTrie<std::string> trie;
  for (std::string& pattern : patterns) trie.insert(pattern, &pattern);
  // Some go again; what is left is as if they had never been.
  std::vector<bool> erased(patterns.size());
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    if (*rc::gen::inRange(0, 3) != 0) continue;
    erased[i] = true;
    trie.erase(patterns[i], &patterns[i]);
  }
  for (int i = 0; i < 5; ++i) {
    const std::string key = random_text(key_words);
    std::multiset<std::string*> expected;
    for (std::size_t p = 0; p < patterns.size(); ++p) {
      if (!erased[p] && naive(patterns[p], key)) expected.insert(&patterns[p]);
    }
    std::multiset<std::string*> found;
    trie.match(key, [&](std::string* target) { found.insert(target); });
    RC_ASSERT(found == expected);
  }
}

TEST(TopicTrie, erases_one_of_several_targets_of_a_pattern) {
  TopicTrie<int> trie;
  int targets[2] = {};
  for (int& target : targets) trie.insert("a.#", &target);
  trie.erase("a.#", &targets[0]);
  std::vector<int*> found;
  trie.match("a.b", [&](int* target) { found.push_back(target); });
  EXPECT_EQ(found, std::vector<int*>{&targets[1]});
}

TEST(TopicTrie, erases_nothing_but_what_was_named) {
  TopicTrie<int> trie;
  int target = 0;
  int other = 0;
  trie.insert("a.b.c", &target);
  for (const char* pattern : {"a", "a.b", "a.b.c.d", "x", "", "#"}) trie.erase(pattern, &target);
  trie.erase("a.b.c", &other);
  int visits = 0;
  trie.match("a.b.c", [&](int*) { ++visits; });
  EXPECT_EQ(visits, 1);
}

TEST(TopicTrie, can_be_filled_again_after_it_was_emptied) {
  TopicTrie<int> trie;
  int target = 0;
  for (int round = 0; round < 3; ++round) {
    for (const char* pattern : {"", ".", "*", "#", "a.*.#", "a..b"}) trie.insert(pattern, &target);
    int visits = 0;
    trie.match("a..b", [&](int*) { ++visits; });
    EXPECT_EQ(visits, 3);
    for (const char* pattern : {"a..b", "a.*.#", "#", "*", ".", ""}) trie.erase(pattern, &target);
    trie.match("a..b", [&](int*) { ++visits; });
    trie.match("", [&](int*) { ++visits; });
    EXPECT_EQ(visits, 3);
  }
}

}  // namespace
}  // namespace escrow::broker
