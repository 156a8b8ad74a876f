// What the engine adds to redrives and discards: records of each message, answers when all is on disk, and reads.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "audit/record.h"
#include "tests/unit/engine/engine_tester.h"

namespace escrow::engine {
namespace {

class EngineDeadLetters : public EngineTester {
 protected:
  void SetUp() override {
    start();
    for (const char* name : {"dead", "x"}) ASSERT_TRUE(ask(DeclareQueue{{"/", name, {}}}).ok());
  }
  void post(std::size_t count, const std::string& body = "x") {
    ASSERT_TRUE(ask(publish(count, "", "dead", body)).ok());
  }
  std::uint64_t ready(const std::string& queue) { return (*engine->broker().topology().queue("/", queue))->ready(); }
  DeadLetterCounts counts(CommandBody body) {
    const Result<Reply> reply = ask(std::move(body));
    EXPECT_TRUE(reply.ok());
    return reply ? std::get<DeadLetterCounts>(*reply) : DeadLetterCounts();
  }
  std::vector<std::string> recorded() {
    std::vector<std::string> out;
    for_each_record([&](const audit::Record& record) {
      if (record.subject != audit::Subject::kDeadLetter) return;
      EXPECT_EQ(record.before, static_cast<std::uint8_t>(audit::Existence::kPresent));
      const bool redriven = record.after == static_cast<std::uint8_t>(audit::Existence::kRedriven);
      out.push_back((redriven ? "redriven " : "discarded ") + record.key1 + " " + record.key2 + " by " + record.actor +
                    ": " + record.reason);
    });
    return out;
  }
};

TEST_F(EngineDeadLetters, records_every_message_with_who_why_and_where_to) {
  post(3);
  EXPECT_EQ(counts(RedriveDeadLetters{{.vhost = "/", .queue = "dead", .limit = 1}, {.queue = "x"}, "mended"}).moved,
            1u);
  EXPECT_EQ(
      counts(RedriveDeadLetters{{.vhost = "/", .queue = "dead", .limit = 1}, {.exchange = "", .routing_key = "x"}, ""})
          .moved,
      1u);
  EXPECT_EQ(counts(DiscardDeadLetters{{"/", "dead"}, "ticket 7"}).moved, 1u);
  EXPECT_EQ(recorded(),
            (std::vector<std::string>{"redriven / 1-1 in dead by tester: to queue 'x': mended",
                                      "redriven / 1-2 in dead by tester: to exchange '' with routing key 'x'",
                                      "discarded / 1-3 in dead by tester: ticket 7"}));
}

TEST_F(EngineDeadLetters, answers_when_what_it_did_is_on_disk) {
  post(600);
  backend.stalled = true;
  const std::uint64_t request = submit(DiscardDeadLetters{{"/", "dead"}, "old"});
  turn();
  EXPECT_EQ(ready("dead"), 0u);
  EXPECT_FALSE(answer(request).ok());
  settle();
  EXPECT_EQ(std::get<DeadLetterCounts>(*answer(request)).moved, 600u);
  start();
  EXPECT_EQ(ready("dead"), 0u);
  EXPECT_EQ(recorded().size(), 600u);
}

TEST_F(EngineDeadLetters, a_crash_in_the_middle_leaves_every_message_in_one_place) {
  post(5000, std::string(200, 'b'));
  backend.stalled = true;
  const std::uint64_t request = submit(RedriveDeadLetters{{"/", "dead"}, {.queue = "x"}, ""});
  turn(), sync(), turn();
  EXPECT_FALSE(answer(request).ok());
  backend.waiting = nullptr;  // what is on its way is lost
  backend.reads.clear();
  backend.stalled = false;
  start();
  EXPECT_GT(ready("x"), 0u);
  EXPECT_GT(ready("dead"), 0u);
  EXPECT_EQ(ready("x") + ready("dead"), 5000u);
  EXPECT_EQ(recorded().size(), ready("x"));
}

TEST_F(EngineDeadLetters, reads_old_pages_and_large_bodies_and_lists_without_a_batch) {
  EngineOptions options;
  options.page_memory_bytes = 1 << 20;
  start(options);
  const std::string large(100'000, 'l');
  post(1, large);
  for (int i = 0; i < 200; ++i) post(100, std::string(1000, 'b'));
  start(options);
  settle();
  const broker::BatchNumber before = engine->last_sealed();
  const Result<Reply> reply = ask(ListDeadLetters{"/", "dead"});
  ASSERT_TRUE(reply.ok());
  const auto& list = std::get<DeadLetterList>(*reply);
  ASSERT_EQ(list.items.size(), 100u);
  EXPECT_EQ(list.items[0].body_bytes, large.size());
  const Result<Reply> shown = ask(GetDeadLetter{"/", "dead", list.items[0].place});
  ASSERT_TRUE(shown.ok());
  EXPECT_EQ(std::get<DeadLetterShown>(*shown).item->message.body, large);
  EXPECT_EQ(engine->last_sealed(), before);
  EXPECT_EQ(counts(RedriveDeadLetters{{"/", "dead"}, {.queue = "x"}, ""}).moved, 20'001u);
  EXPECT_LE(backend.largest, 6u << 20) << "batches stay bounded";
  start();
  EXPECT_EQ(ready("x"), 20'001u);
}

TEST_F(EngineDeadLetters, says_what_it_does_not_know) {
  EXPECT_EQ(ask(ListDeadLetters{"/", "none"}).error().reason, "QUEUE_UNKNOWN");
  EXPECT_EQ(ask(GetDeadLetter{"/", "dead", {1, 1}}).error().reason, "DEAD_LETTER_UNKNOWN");
  EXPECT_EQ(ask(RedriveDeadLetters{{"/", "dead"}, {.queue = "none"}, ""}).error().reason, "QUEUE_UNKNOWN");
  EXPECT_EQ(ask(DiscardDeadLetters{{"/", "none"}, "x"}).error().reason, "QUEUE_UNKNOWN");
}

}  // namespace
}  // namespace escrow::engine
