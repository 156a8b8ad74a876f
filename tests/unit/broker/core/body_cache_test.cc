#include "broker/core/body_cache.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "broker/core/queue.h"

namespace escrow::broker {
namespace {

BodyCache::Body body(std::size_t bytes) { return std::make_shared<const std::string>(bytes, 'x'); }

/// Only told apart by their addresses.
struct BodyCacheOf : testing::Test {
  BodyCache cache{10'000};
  PageCache pages{0};
  Queue one{{"/", "one", {}}, {}, 1, pages, cache};
  Queue two{{"/", "two", {}}, {}, 2, pages, cache};
};

TEST_F(BodyCacheOf, bodies_that_were_put_are_found) {
  EXPECT_EQ(cache.find(1), nullptr);
  const auto put = body(5000);
  cache.put(1, put, 7);
  EXPECT_EQ(cache.find(1), put);
  EXPECT_EQ(cache.bytes(), 5000u);
}

TEST_F(BodyCacheOf, a_body_is_kept_once) {
  const auto first = body(5000);
  cache.put(1, first, 7);
  cache.put(1, body(5000), 0);
  EXPECT_EQ(cache.find(1), first);
  EXPECT_EQ(cache.bytes(), 5000u);
}

TEST_F(BodyCacheOf, the_longest_unused_leaves_first) {
  for (std::uint64_t id = 1; id <= 3; ++id) cache.put(id, body(4000), 0);
  cache.find(1);
  cache.enforce(0);
  EXPECT_NE(cache.find(1), nullptr);
  EXPECT_EQ(cache.find(2), nullptr);
  EXPECT_NE(cache.find(3), nullptr);
  EXPECT_EQ(cache.bytes(), 8000u);
}

TEST_F(BodyCacheOf, a_body_that_is_not_on_disk_yet_stays) {
  for (std::uint64_t id = 1; id <= 3; ++id) cache.put(id, body(6000), id + 10);
  cache.enforce(11);
  EXPECT_EQ(cache.find(1), nullptr);
  EXPECT_NE(cache.find(2), nullptr);
  EXPECT_NE(cache.find(3), nullptr);
  cache.enforce(13);
  EXPECT_EQ(cache.bytes(), 6000u);
}

TEST_F(BodyCacheOf, a_body_is_asked_for_once_and_all_who_wait_hear_of_it) {
  EXPECT_TRUE(cache.request_load(1, &one));
  EXPECT_FALSE(cache.request_load(1, &one));
  EXPECT_FALSE(cache.request_load(1, &two));
  EXPECT_EQ(cache.loaded(1, body(5000)), (std::vector<Queue*>{&one, &two}));
  EXPECT_NE(cache.find(1), nullptr);
  EXPECT_TRUE(cache.loaded(1, body(5000)).empty());
}

TEST_F(BodyCacheOf, a_queue_that_is_gone_hears_of_nothing) {
  EXPECT_TRUE(cache.request_load(1, &one));
  EXPECT_FALSE(cache.request_load(1, &two));
  EXPECT_TRUE(cache.request_load(2, &one));
  cache.forget(&one);
  EXPECT_EQ(cache.loaded(1, body(5000)), std::vector<Queue*>{&two});
  EXPECT_TRUE(cache.loaded(2, body(5000)).empty());
}

TEST_F(BodyCacheOf, a_body_of_one_queue_goes_with_its_message) {
  cache.put(1, body(5000), 0);
  EXPECT_TRUE(cache.release(1));
  EXPECT_EQ(cache.find(1), nullptr);
  EXPECT_EQ(cache.bytes(), 0u);
}

TEST_F(BodyCacheOf, a_shared_body_goes_with_the_last_of_its_messages) {
  cache.put(1, body(5000), 0);
  cache.share(1, 3);
  EXPECT_FALSE(cache.release(1));
  EXPECT_FALSE(cache.release(1));
  EXPECT_NE(cache.find(1), nullptr);
  EXPECT_TRUE(cache.release(1));
  EXPECT_EQ(cache.find(1), nullptr);
}

TEST_F(BodyCacheOf, references_are_counted_whether_the_body_is_in_memory_or_not) {
  cache.share(1, 2);
  EXPECT_FALSE(cache.release(1));
  EXPECT_TRUE(cache.release(1));
}

}  // namespace
}  // namespace escrow::broker
