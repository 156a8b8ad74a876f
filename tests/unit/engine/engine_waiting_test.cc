// What waits at a delayed exchange, or to be retried, can be listed, cancelled and purged.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "audit/record.h"
#include "tests/unit/engine/engine_tester.h"

namespace escrow::engine {
namespace {

using broker::WaitingId;
using broker::WaitingPlace;
using std::chrono::milliseconds;
using std::chrono::seconds;

const WaitingPlace kLater{"/", broker::DestinationKind::kExchange, "later"};

class EngineWaiting : public EngineTester {
 protected:
  void SetUp() override {
    start();
    FieldTable type;
    type.set("x-delayed-type", {std::string("fanout")});
    ASSERT_TRUE(ask(DeclareExchange{{"/", "later", broker::ExchangeType::kDelayed, type}}).ok());
    ASSERT_TRUE(ask(DeclareQueue{{"/", "q", {}}}).ok());
    ASSERT_TRUE(ask(Bind{"/", "later", "q", {}}).ok());
  }
  static Publish delayed(const std::string& body, int ms) {
    auto owner = std::make_shared<Message>();
    Properties properties;
    properties.delivery_mode = 2;
    properties.headers.emplace();
    properties.headers->set("x-delay", {ms});
    owner->properties = *encode_properties(properties);
    owner->exchange = "later";
    owner->body = body;
    return {{owner->view()}, owner};
  }
  WaitingList list(std::size_t limit = 100, std::optional<WaitingId> after = {}) {
    auto found = ask(ListWaiting{kLater, after, limit});
    EXPECT_TRUE(found.ok());
    return found ? std::get<WaitingList>(*std::move(found)) : WaitingList();
  }
  std::string bodies() {
    std::string text;
    for (const WaitingList::Item& item : list().messages) text += (text.empty() ? "" : " ") + item.message.body;
    return text;
  }
  std::size_t cancel(const std::vector<WaitingId>& ids) {
    const auto cancelled = ask(CancelWaiting{kLater, ids, "not wanted"});
    EXPECT_TRUE(cancelled.ok());
    return cancelled ? std::get<WaitingCancelled>(*cancelled).ids.size() : 0;
  }
  std::uint64_t ready() { return (*engine->broker().topology().queue("/", "q"))->ready(); }
  std::vector<std::string> ledger() {
    std::vector<std::string> out;
    for_each_record([&](const audit::Record& r) {
      if (r.subject == audit::Subject::kWaiting) out.push_back(r.key2 + " by " + r.actor + ": " + r.reason);
    });
    return out;
  }
};

TEST_F(EngineWaiting, is_listed_in_order_of_time_page_by_page) {
  ASSERT_TRUE(ask(delayed("second", 20'000)).ok());
  ASSERT_TRUE(ask(delayed("first", 10'000)).ok());
  ASSERT_TRUE(ask(delayed("third", 30'000)).ok());
  const WaitingList page = list(2);
  ASSERT_EQ(page.messages.size(), 2u);
  EXPECT_EQ(page.messages[0].message.body, "first");
  EXPECT_GE(page.messages[0].due, now + seconds(9));
  ASSERT_TRUE(page.next.has_value());
  const WaitingList rest = list(2, page.next);
  ASSERT_EQ(rest.messages.size(), 1u);
  EXPECT_EQ(rest.messages[0].message.body, "third");
  EXPECT_EQ(rest.next, std::nullopt);
}

TEST_F(EngineWaiting, is_never_delivered_once_it_is_cancelled) {
  for (const char* body : {"a", "b", "c"}) submit(delayed(body, 5000));
  settle();
  const WaitingList all = list();
  ASSERT_EQ(all.messages.size(), 3u);
  EXPECT_EQ(cancel({all.messages[1].id}), 1u);
  EXPECT_EQ(bodies(), "a c");
  EXPECT_EQ(cancel({all.messages[1].id}), 0u) << "it was cancelled before";
  EXPECT_EQ(cancel({all.messages[0].id, {all.messages[0].id.log, {1, 2, 3}, 4}}), 1u);
  EXPECT_EQ(bodies(), "c");
  settle(seconds(6));
  EXPECT_EQ(ready(), 1u);
  EXPECT_EQ(cancel({all.messages[2].id}), 0u) << "it was released";
  EXPECT_EQ(ledger(),
            (std::vector<std::string>{"later, " + broker::to_text(all.messages[1].id) + " by tester: not wanted",
                                      "later, " + broker::to_text(all.messages[0].id) + " by tester: not wanted"}));
}

TEST_F(EngineWaiting, stays_cancelled_across_a_restart) {
  for (const char* body : {"a", "b"}) submit(delayed(body, 5000));
  settle();
  ASSERT_EQ(cancel({list().messages[0].id}), 1u);
  start();
  EXPECT_EQ(bodies(), "b");
  settle(seconds(6));
  EXPECT_EQ(ready(), 1u);
}

TEST_F(EngineWaiting, is_cancelled_or_released_when_both_are_under_way_but_not_both) {
  for (const char* body : {"a", "b"}) submit(delayed(body, 5000));
  settle();
  const WaitingList all = list();
  turn(seconds(6));  // the release has asked for a read
  ASSERT_FALSE(backend.reads.empty());
  const std::uint64_t request = submit(CancelWaiting{kLater, {all.messages[0].id}, ""});
  settle();
  const auto answered = answer(request);
  ASSERT_TRUE(answered.ok());
  EXPECT_EQ(std::get<WaitingCancelled>(*answered).ids.size() + ready(), 2u);
}

TEST_F(EngineWaiting, takes_its_large_body_along_when_it_is_cancelled) {
  ASSERT_TRUE(ask(delayed(std::string(10'000, 'x'), 5000)).ok());
  EXPECT_TRUE(backend.store.scan(Table::kBodies, "", "")->valid());
  ASSERT_EQ(cancel({list().messages[0].id}), 1u);
  settle();
  EXPECT_FALSE(backend.store.scan(Table::kBodies, "", "")->valid());
}

TEST_F(EngineWaiting, is_dropped_at_once_by_a_purge_and_what_comes_then_waits) {
  for (int i = 0; i < 1000; ++i) submit(delayed("a", 5000));
  settle();
  const auto purged = ask(PurgeWaiting{kLater, "an exercise"});
  ASSERT_TRUE(purged.ok());
  EXPECT_EQ(std::get<MessageCount>(*purged).messages, 1000u);
  EXPECT_EQ(bodies(), "");
  ASSERT_TRUE(ask(delayed("b", 5000)).ok());
  start();
  settle(seconds(1));
  EXPECT_EQ(bodies(), "b");
  settle(seconds(6));
  EXPECT_EQ(ready(), 1u);
  std::size_t rows = 0;
  for (auto it = backend.store.scan(Table::kDelayed, "", ""); it->valid(); it->next()) ++rows;
  EXPECT_EQ(rows, 1u) << "the count of the exchange";
  EXPECT_EQ(ledger(), (std::vector<std::string>{"later by tester: 1000 messages: an exercise"}));
}

TEST_F(EngineWaiting, is_nothing_where_nothing_can_wait) {
  const auto reason = [&](const WaitingPlace& place) {
    const auto found = ask(ListWaiting{place, {}, 10});
    return found ? std::to_string(std::get<WaitingList>(*found).messages.size()) : found.error().reason;
  };
  EXPECT_EQ(reason({"/", broker::DestinationKind::kExchange, "amq.direct"}), "EXCHANGE_NOT_DELAYED");
  EXPECT_EQ(reason({"/", broker::DestinationKind::kExchange, "nowhere"}), "EXCHANGE_UNKNOWN");
  EXPECT_EQ(reason({"/", broker::DestinationKind::kQueue, "nowhere"}), "QUEUE_UNKNOWN");
  EXPECT_EQ(reason({"/", broker::DestinationKind::kQueue, "q"}), "0");
  const auto purged = ask(PurgeWaiting{{"/", broker::DestinationKind::kQueue, "q"}, ""});
  ASSERT_TRUE(purged.ok());
  EXPECT_EQ(std::get<MessageCount>(*purged).messages, 0u);
}

TEST(WaitingId, is_text_and_back) {
  const WaitingId id{1, {2, 3, 4}, 5};
  EXPECT_EQ(broker::to_text(id), "1-2-3-4-5");
  EXPECT_EQ(broker::parse_waiting_id("1-2-3-4-5"), id);
  for (const char* wrong : {"", "1-2-3-4", "1-2-3-4-5-6", "1-2-3-4-x", "1-2--4-5", "1-2-3-4-4294967296", "-1-2-3-4"}) {
    EXPECT_EQ(broker::parse_waiting_id(wrong), std::nullopt) << wrong;
  }
}

}  // namespace
}  // namespace escrow::engine
