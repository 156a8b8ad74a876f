#include "engine/inbox.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace escrow::engine {
namespace {

Command command(std::uint64_t request) {
  Command c;
  c.request = request;
  c.body = Settle{};
  return c;
}

Command prepare(std::uint64_t request, std::size_t body_bytes) {
  coordinator::Prepare body;
  body.messages.emplace_back();
  body.messages[0].message.body.assign(body_bytes, 'x');
  Command c;
  c.request = request;
  c.body = std::move(body);
  return c;
}

struct Taken {
  std::vector<Command> commands;
  std::vector<std::function<void()>> completions;
};

Taken take(Inbox& inbox) {
  Taken taken;
  inbox.take(taken.commands, taken.completions);
  return taken;
}

std::vector<std::uint64_t> requests(const std::vector<Command>& commands) {
  std::vector<std::uint64_t> numbers;
  for (const Command& c : commands) numbers.push_back(c.request);
  return numbers;
}

using Requests = std::vector<std::uint64_t>;

TEST(Inbox, gives_everything_at_once_in_the_order_of_posting) {
  Inbox inbox({}, [] {});
  EXPECT_TRUE(inbox.empty());
  EXPECT_TRUE(inbox.try_post(command(1)));
  inbox.post(command(2));
  std::vector<Command> two(2);
  two[0] = command(3);
  two[1] = command(4);
  EXPECT_TRUE(inbox.try_post(two));
  EXPECT_FALSE(inbox.empty());
  EXPECT_EQ(requests(take(inbox).commands), (Requests{1, 2, 3, 4}));
  EXPECT_TRUE(inbox.empty());
}

TEST(Inbox, takes_as_many_commands_as_the_limit_and_no_more) {
  Inbox inbox({3, 1 << 20}, [] {});
  for (std::uint64_t i = 1; i <= 3; ++i) EXPECT_TRUE(inbox.try_post(command(i)));
  EXPECT_FALSE(inbox.try_post(command(4)));
  EXPECT_EQ(take(inbox).commands.size(), 3u);
  EXPECT_TRUE(inbox.try_post(command(5)));
}

TEST(Inbox, takes_as_many_bytes_as_the_limit_and_no_more) {
  const std::size_t each = prepare(0, 1000).bytes();
  Inbox inbox({100, 2 * each}, [] {});
  EXPECT_TRUE(inbox.try_post(prepare(1, 1000)));
  EXPECT_FALSE(inbox.try_post(prepare(2, 1001)));
  EXPECT_TRUE(inbox.try_post(prepare(3, 1000)));
  EXPECT_FALSE(inbox.try_post(command(4)));
  EXPECT_EQ(requests(take(inbox).commands), (Requests{1, 3}));
  EXPECT_TRUE(inbox.try_post(prepare(5, 1000))) << "the room is back";
}

TEST(Inbox, takes_all_of_several_commands_or_none) {
  Inbox inbox({3, 1 << 20}, [] {});
  ASSERT_TRUE(inbox.try_post(command(1)));
  std::vector<Command> three;
  for (std::uint64_t i = 2; i <= 4; ++i) three.push_back(command(i));
  EXPECT_FALSE(inbox.try_post(three));
  EXPECT_EQ(requests(three), (Requests{2, 3, 4})) << "they are the caller's still";
  EXPECT_TRUE(inbox.try_post(std::span(three).subspan(0, 2)));
  EXPECT_EQ(requests(take(inbox).commands), (Requests{1, 2, 3}));
}

TEST(Inbox, lets_what_is_larger_than_all_its_room_through_when_it_is_empty) {
  Inbox inbox({2, 100}, [] {});
  EXPECT_TRUE(inbox.try_post(prepare(1, 1000)));
  EXPECT_FALSE(inbox.try_post(prepare(2, 1000)));
  take(inbox);
  std::vector<Command> three;
  for (std::uint64_t i = 3; i <= 5; ++i) three.push_back(command(i));
  EXPECT_TRUE(inbox.try_post(three));
}

TEST(Inbox, always_takes_what_frees_memory) {
  Inbox inbox({1, 1}, [] {});
  for (std::uint64_t i = 1; i <= 10; ++i) inbox.post(command(i));
  EXPECT_FALSE(inbox.try_post(command(11)));
  EXPECT_EQ(take(inbox).commands.size(), 10u);
}

TEST(Inbox, wakes_once_until_it_is_emptied) {
  int wakes = 0;
  Inbox inbox({}, [&] { ++wakes; });
  EXPECT_TRUE(inbox.try_post(command(1)));
  EXPECT_EQ(wakes, 1);
  EXPECT_TRUE(inbox.try_post(command(2)));
  inbox.post(command(3));
  inbox.post([] {});
  EXPECT_EQ(wakes, 1);
  take(inbox);
  inbox.post([] {});
  EXPECT_EQ(wakes, 2);
  take(inbox);
  inbox.post(command(4));
  EXPECT_EQ(wakes, 3);
}

TEST(Inbox, does_not_wake_for_what_it_refuses) {
  int wakes = 0;
  Inbox inbox({1, 1 << 20}, [&] { ++wakes; });
  ASSERT_TRUE(inbox.try_post(command(1)));
  Taken taken = take(inbox);
  ASSERT_TRUE(inbox.try_post(command(2)));
  EXPECT_FALSE(inbox.try_post(command(3)));
  EXPECT_EQ(wakes, 2);
}

TEST(Inbox, gives_completions_apart_and_leaves_the_commands) {
  Inbox inbox({}, [] {});
  int done = 0;
  inbox.post(command(1));
  inbox.post([&] { ++done; });
  std::vector<std::function<void()>> completions;
  inbox.take_completions(completions);
  ASSERT_EQ(completions.size(), 1u);
  completions[0]();
  EXPECT_EQ(done, 1);
  EXPECT_FALSE(inbox.empty());
  const Taken rest = take(inbox);
  EXPECT_EQ(requests(rest.commands), (Requests{1}));
  EXPECT_TRUE(rest.completions.empty());
}

TEST(Inbox, wakes_for_completions_while_commands_have_to_wait) {
  int wakes = 0;
  Inbox inbox({1, 1 << 20}, [&] { ++wakes; });
  ASSERT_TRUE(inbox.try_post(command(1)));
  std::vector<std::function<void()>> completions;
  inbox.take_completions(completions);
  EXPECT_FALSE(inbox.try_post(command(2))) << "the commands that wait count";
  inbox.post([] {});
  EXPECT_EQ(wakes, 2);
}

TEST(Inbox, loses_nothing_between_threads) {
  constexpr std::uint64_t kEach = 2000;
  Inbox inbox({64, 1 << 20}, [] {});
  std::vector<std::thread> posters;
  for (std::uint64_t poster = 0; poster < 3; ++poster) {
    posters.emplace_back([&inbox, poster] {
      for (std::uint64_t i = 0; i < kEach; ++i) {
        while (!inbox.try_post(command(poster * kEach + i))) std::this_thread::yield();
      }
    });
  }
  std::vector<std::uint64_t> next(3, 0);
  for (std::uint64_t seen = 0; seen < 3 * kEach;) {
    for (const std::uint64_t request : requests(take(inbox).commands)) {
      ASSERT_EQ(request % kEach, next[request / kEach]++) << "in the order of its poster";
      ++seen;
    }
  }
  for (std::thread& poster : posters) poster.join();
}

TEST(CommandBytes, count_what_a_command_carries) {
  EXPECT_EQ(prepare(1, 5000).bytes() - prepare(1, 0).bytes(), 5000u);
  Publish publish;
  const std::string body(700, 'x');
  publish.messages.push_back({});
  publish.messages[0].body = body;
  Command c;
  const std::size_t empty = c.bytes();
  c.body = publish;
  EXPECT_GE(c.bytes(), empty + body.size());
}

TEST(EngineFull, asks_the_caller_to_come_back) {
  EXPECT_EQ(engine_full().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(engine_full().reason, "ENGINE_FULL");
}

TEST(Inbox, admits_what_adds_no_messages_while_an_alarm_is_up) {
  Inbox inbox({}, [] {});
  const std::vector<CommandBody> adding = {Publish{}, coordinator::Prepare{}};
  const std::vector<CommandBody> others = {coordinator::Decide{}, Consume{}, Settle{}, DeleteQueue{}, DeclareQueue{}};
  for (const CommandBody& command : adding) EXPECT_TRUE(inbox.admit(command).ok());
  inbox.set_alarm({.disk = true});
  for (const CommandBody& command : others) EXPECT_TRUE(inbox.admit(command).ok());
  for (const CommandBody& command : adding) {
    const Result<void> admitted = inbox.admit(command);
    ASSERT_FALSE(admitted.ok());
    EXPECT_EQ(admitted.error().code, ErrorCode::kResourceExhausted);
    EXPECT_EQ(admitted.error().reason, "RESOURCES_LOW");
    EXPECT_EQ(admitted.error().message,
              "the server is low on disk: retry when messages were consumed, or an operator made room");
  }
  inbox.set_alarm({});
  for (const CommandBody& command : adding) EXPECT_TRUE(inbox.admit(command).ok());
}

TEST(CommandBytes, counts_names_reasons_and_tables) {
  const std::string text(1000, 'x');
  FieldTable table;
  table.set("a", {text});
  table.set("b", {FieldTable(table)});
  table.set("c", {FieldArray{{text}, {FieldBytes{text}}}});
  broker::Binding binding{text, table, nullptr};
  const std::vector<std::pair<CommandBody, std::size_t>> bodies = {
      {coordinator::Decide{{text, text}, true, 0, text, ""}, 3000},
      {GetTransaction{{text, text}}, 2000},
      {OpenCheckbacks{text, 1}, 1000},
      {CheckAnswer{1, Verdict::kUnknown, text}, 1000},
      {DeclareVhost{text}, 1000},
      {DeclareExchange{{text, text, broker::ExchangeType::kDirect, table}}, 6000},
      {DeclareQueue{{text, text, table}}, 6000},
      {DeleteExchange{text, text, false}, 2000},
      {DeleteQueue{text, text, false, false}, 2000},
      {PurgeQueue{text, text}, 2000},
      {Bind{text, text, text, binding, false}, 8000},
      {ListQueues{text, text, 1}, 2000},
      {SetPolicy{{text, text, text, 0, broker::PolicyTarget::kAll, table}}, 7000},
      {DeletePolicy{text, text, false}, 2000},
      {ListPolicies{text, false, text, 1}, 2000},
  };
  for (const auto& [body, bytes] : bodies) {
    const std::size_t counted = Command{nullptr, 0, "", body}.bytes();
    EXPECT_GE(counted, sizeof(Command) + bytes) << body.index();
    EXPECT_LE(counted, sizeof(Command) + bytes + 1000) << body.index();
  }
}

TEST(Inbox, tells_who_posts_past_its_limits_when_there_is_room_again) {
  InboxLimits limits;
  limits.commands = 2;
  Inbox inbox(limits, [] {});
  int told = 0;
  const auto post = [&] { return inbox.post(Command{nullptr, 0, "", Settle{}}, [&] { ++told; }); };
  EXPECT_TRUE(post());
  EXPECT_TRUE(post());
  EXPECT_FALSE(post()) << "it is taken all the same";
  std::vector<Command> commands;
  std::vector<std::function<void()>> completions;
  EXPECT_EQ(told, 0);
  inbox.take(commands, completions);
  EXPECT_EQ(commands.size(), 3u);
  EXPECT_EQ(told, 1);
  commands.clear();
  inbox.take(commands, completions);
  EXPECT_EQ(told, 1) << "once";
}

}  // namespace
}  // namespace escrow::engine
