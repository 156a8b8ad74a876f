// escrow schedule add|list|show|move|cancel
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands.h"
#include "cli/message_options.h"
#include "cli/text.h"
#include "client/cpp/schedules.h"

namespace escrow::cli {
namespace {

using client::ScheduledMessage;
using client::ScheduleState;

constexpr std::pair<const char*, ScheduleState> kStates[] = {{"scheduled", ScheduleState::kScheduled},
                                                             {"delivered", ScheduleState::kDelivered},
                                                             {"cancelled", ScheduleState::kCancelled},
                                                             {"held", ScheduleState::kHeld}};

std::string name(ScheduleState state) {
  for (const auto& [text, value] : kStates) {
    if (value == state) return text;
  }
  return "unknown";
}

Json to_json(const ScheduledMessage& s) {
  Json out{{"key", s.key},
           {"vhost", s.vhost},
           {"state", name(s.state)},
           {"created", to_text(s.create_time)},
           {"created_by", s.created_by}};
  if (s.due_time) out["due"] = to_text(*s.due_time);
  if (s.message) {
    out["exchange"] = s.message->exchange;
    out["routing_key"] = s.message->routing_key;
    out["headers"] = cli::to_json(s.message->properties.headers);
    out["body_bytes"] = s.body_bytes;
  }
  if (s.end_time) {
    out[name(s.state)] = to_text(*s.end_time);
    if (!s.ended_by.empty()) out[name(s.state) + "_by"] = s.ended_by;
    if (!s.reason.empty()) out["reason"] = s.reason;
  }
  return out;
}

/// One line of what has happened to it.
std::string describe(const ScheduledMessage& s) {
  if (s.due_time) return "due " + to_text(*s.due_time);
  if (!s.end_time) return "waits for its transaction";
  std::string text = name(s.state) + " at " + to_text(*s.end_time);
  if (!s.ended_by.empty()) text += " by " + s.ended_by + (s.reason.empty() ? "" : ": " + s.reason);
  return text;
}

void print(const Session& session, const ScheduledMessage& schedule) {
  session.print(describe(schedule), to_json(schedule));
}

/// When: one of two flags.
struct When {
  std::string in;
  std::string at;

  void add_flags(CLI::App& command) {
    CLI::Option_group* const group = command.add_option_group("when");
    group->add_option("--in", in, "After this long: 30s, 5m, 2h, 1d");
    group->add_option("--at", at, "At this time: 2030-01-31T08:00:00Z");
    group->require_option(1);
  }
  client::When get(const Session& session) const {
    if (!in.empty()) return session.require(parse_duration(in));
    return session.require(parse_time(at));
  }
};

/// What names one schedule.
struct Which {
  std::string key;
  std::string vhost;

  void add_flags(CLI::App& command) {
    command.add_option("key", key, "Its key")->required();
    command.add_option("--vhost", vhost, "Virtual host; empty is /");
  }
};

void add_add(CLI::App& schedule, Session& session) {
  struct Options {
    std::string key;
    When when;
    MessageOptions message;
  };
  const auto options = std::make_shared<Options>();
  CLI::App* const command = schedule.add_subcommand("add", "Schedule a message");
  command->add_option("key", options->key, "Its key, such as an order number")->required();
  options->when.add_flags(*command);
  options->message.add_flags(*command);
  command->callback([options, &session] {
    const client::When when = options->when.get(session);
    const client::Schedules schedules(session.connect());
    print(session, session.require(schedules.schedule(options->key, options->message.take(session), when)));
  });
}

void add_list(CLI::App& schedule, Session& session) {
  struct Options {
    std::string vhost;
    std::string state;
    std::size_t limit = 1000;
  };
  const auto options = std::make_shared<Options>();
  CLI::App* const command = schedule.add_subcommand("list", "List schedules: those that wait, then those that ended");
  command->add_option("--vhost", options->vhost, "Virtual host; empty is /");
  std::vector<std::string> names;
  for (const auto& known : kStates) names.emplace_back(known.first);
  command->add_option("--state", options->state, "Only in this state")->check(CLI::IsMember(names));
  command->add_option("--limit", options->limit, "At most so many")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  command->callback([options, &session] {
    const client::Schedules schedules(session.connect());
    std::optional<ScheduleState> state;
    for (const auto& [text, value] : kStates) {
      if (options->state == text) state = value;
    }
    Listing listing;
    listing.columns = {"KEY", "STATE", "EXCHANGE", "ROUTING KEY", ""};
    std::string token;
    do {
      const std::size_t wanted = std::min<std::size_t>(options->limit - listing.rows.size(), 1000);
      const client::SchedulePage page =
          session.require(schedules.list(state, options->vhost, static_cast<std::uint32_t>(wanted), token));
      for (const ScheduledMessage& s : page.schedules) {
        listing.rows.push_back({s.key, name(s.state), s.message ? s.message->exchange : "",
                                s.message ? s.message->routing_key : "", describe(s)});
        listing.json.push_back(to_json(s));
      }
      token = page.next_page_token;
    } while (!token.empty() && listing.rows.size() < options->limit);
    session.print(listing);
  });
}

void add_show(CLI::App& schedule, Session& session) {
  const auto which = std::make_shared<Which>();
  CLI::App* const command = schedule.add_subcommand("show", "Show one schedule");
  which->add_flags(*command);
  command->callback([which, &session] {
    print_fields(session, to_json(session.require(client::Schedules(session.connect()).get(which->key, which->vhost))));
  });
}

void add_move(CLI::App& schedule, Session& session) {
  struct Options {
    Which which;
    When when;
  };
  const auto options = std::make_shared<Options>();
  CLI::App* const command = schedule.add_subcommand("move", "Move a schedule to another time");
  options->which.add_flags(*command);
  options->when.add_flags(*command);
  command->callback([options, &session] {
    const client::When when = options->when.get(session);
    const auto& [key, vhost] = options->which;
    print(session, session.require(client::Schedules(session.connect()).reschedule(key, when, vhost)));
  });
}

void add_cancel(CLI::App& schedule, Session& session) {
  struct Options {
    Which which;
    std::string reason;
  };
  const auto options = std::make_shared<Options>();
  CLI::App* const command = schedule.add_subcommand("cancel", "Cancel a schedule: its message is not sent");
  options->which.add_flags(*command);
  command->add_option("--reason", options->reason, "Why; kept in the audit ledger");
  command->callback([options, &session] {
    const auto& [key, vhost] = options->which;
    print(session, session.require(client::Schedules(session.connect()).cancel(key, options->reason, vhost)));
  });
}

}  // namespace

void add_schedule_commands(CLI::App& app, Session& session) {
  CLI::App* const schedule =
      app.add_subcommand("schedule", "Messages that are sent at their time, if nobody cancels them");
  schedule->require_subcommand(1);
  add_add(*schedule, session);
  add_list(*schedule, session);
  add_show(*schedule, session);
  add_move(*schedule, session);
  add_cancel(*schedule, session);
}

}  // namespace escrow::cli
