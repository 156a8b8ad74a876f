// escrow dlq list|show|redrive|discard
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands.h"
#include "cli/text.h"
#include "client/cpp/dead_letters.h"

namespace escrow::cli {
namespace {

using client::DeadLetter;
using client::DeathReason;

constexpr std::pair<const char*, DeathReason> kReasons[] = {{"rejected", DeathReason::kRejected},
                                                            {"expired", DeathReason::kExpired},
                                                            {"maxlen", DeathReason::kMaxLength},
                                                            {"delivery_limit", DeathReason::kDeliveryLimit}};
/// Messages beyond which nobody wants to know how many there are before they are discarded.
constexpr std::size_t kMaxCounted = 10'000;

/// Which queue.
struct Place {
  std::string queue = "escrow.parked";
  std::string vhost;

  void add_flags(CLI::App& command) {
    command.add_option("--queue", queue, "Queue")->capture_default_str();
    command.add_option("--vhost", vhost, "Virtual host; empty is /");
  }
  client::DeadLetters letters(const client::Client& client) const { return client::DeadLetters(client, queue, vhost); }
};

/// Which messages, by what is known of them.
struct Filter {
  std::string reason;
  std::string died_in;
  std::optional<std::string> exchange;
  std::optional<std::string> routing_key;
  std::string min_age;

  void add_flags(CLI::App& command) {
    std::vector<std::string> names;
    for (const auto& known : kReasons) names.emplace_back(known.first);
    command.add_option("--died", reason, "Only what last died for this reason")->check(CLI::IsMember(names));
    command.add_option("--died-in", died_in, "Only what last died in this queue");
    command.add_option("--exchange", exchange, "Only what came into the queue by this exchange");
    command.add_option("--routing-key", routing_key, "Only what has this routing key");
    command.add_option("--min-age", min_age, "Only what came into the queue at least this long ago: 30s, 5m, 2h, 1d");
  }
  bool given() const { return !reason.empty() || !died_in.empty() || exchange || routing_key || !min_age.empty(); }
  client::DeadLetterFilter get(const Session& session) const {
    client::DeadLetterFilter filter{std::nullopt, died_in, exchange, routing_key, std::nullopt};
    for (const auto& [text, value] : kReasons) {
      if (reason == text) filter.reason = value;
    }
    if (!min_age.empty()) filter.enqueued_before = SystemClock().wall() - session.require(parse_duration(min_age));
    return filter;
  }
};

/// Which messages a command is for: ids, a filter, or all of them.
struct Selection {
  std::vector<std::string> ids;
  Filter filter;
  bool all = false;
  std::uint64_t limit = 0;

  void add_flags(CLI::App& command) {
    command.add_option("--id", ids, "The message of this id, as often as needed")->allow_extra_args(false);
    filter.add_flags(command);
    command.add_flag("--all", all, "All messages that no consumer holds");
    command.add_option("--limit", limit, "At most so many; 0: no limit");
  }
  client::DeadLetterSelection get(const Session& session) const {
    if (int{!ids.empty()} + int{filter.given()} + int{all} != 1) {
      throw Session::Failed{usage("which messages? Give --id, a filter such as --died-in, or --all")};
    }
    return {ids, filter.get(session), limit};
  }
};

Json to_json(const client::Death& death) {
  Json out{{"reason", death.reason}, {"queue", death.queue}, {"exchange", death.exchange}};
  if (death.routing_key) out["routing_key"] = *death.routing_key;
  if (death.count) out["count"] = *death.count;
  if (death.first_time) out["first"] = to_text(*death.first_time);
  return out;
}

Json to_json(const DeadLetter& letter) {
  const client::Properties& properties = letter.message.properties;
  Json out{{"id", letter.id},
           {"exchange", letter.message.exchange},
           {"routing_key", letter.message.routing_key},
           {"enqueued", to_text(letter.enqueue_time)},
           {"held", letter.held}};
  if (letter.last_death) out["last_death"] = to_json(*letter.last_death);
  if (letter.first_death) out["first_death"] = to_json(*letter.first_death);
  if (properties.content_type) out["content_type"] = *properties.content_type;
  if (properties.message_id) out["message_id"] = *properties.message_id;
  if (properties.correlation_id) out["correlation_id"] = *properties.correlation_id;
  if (properties.type) out["type"] = *properties.type;
  out["headers"] = cli::to_json(properties.headers);
  out["body_bytes"] = letter.body_bytes;
  return out;
}

std::vector<std::string> to_row(const DeadLetter& letter, Timestamp now) {
  const auto age = std::chrono::duration_cast<std::chrono::milliseconds>(now - letter.enqueue_time);
  std::string death = "no queue took it";
  if (letter.last_death) {
    death = letter.last_death->reason + " in " + letter.last_death->queue;
    if (letter.last_death->count.value_or(1) > 1) death += ", " + std::to_string(*letter.last_death->count) + " times";
  }
  return {letter.id,
          to_text(std::max(age, std::chrono::milliseconds(0))),
          letter.message.exchange,
          letter.message.routing_key,
          std::to_string(letter.body_bytes),
          death + (letter.held ? "; a consumer holds it" : "")};
}

/// Calls use(letter) for `limit` messages at most.
template <class Use>
void for_each(const Session& session, const client::DeadLetters& letters, const client::DeadLetterFilter& filter,
              std::size_t limit, Use use) {
  std::size_t seen = 0;
  std::string token;
  do {
    const auto wanted = static_cast<std::uint32_t>(std::min<std::size_t>(limit - seen, 1000));
    client::DeadLetterPage page = session.require(letters.list(filter, wanted, token));
    for (const DeadLetter& letter : page.dead_letters) use(letter);
    seen += page.dead_letters.size();
    token = std::move(page.next_page_token);
  } while (!token.empty() && seen < limit);
}

/// The server answers when all is done.
client::Client connect_patiently(Session& session) {
  client::ClientOptions options = session.client_options();
  options.attempt_timeout = options.call_timeout;
  return client::Client(std::move(options));
}

std::string count_of(std::uint64_t messages) {
  return std::to_string(messages) + (messages == 1 ? " message" : " messages");
}

/// Asks whoever sits at the terminal.
bool is_confirmed(const Session& session, const client::DeadLetters& letters, const client::DeadLetterSelection& which,
                  const std::string& queue) {
  std::size_t count = 0;
  for_each(session, letters, which.filter, kMaxCounted,
           [&](const DeadLetter& letter) { count += letter.held ? 0 : 1; });
  const bool many = count == kMaxCounted && (which.limit == 0 || which.limit > count);
  if (which.limit != 0) count = std::min<std::size_t>(count, which.limit);
  std::cerr << "Discard " << (many ? "at least " : "") << count_of(count) << " of " << queue << "? [y/N] ";
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

void add_list(CLI::App& dlq, Session& session) {
  struct Options {
    Place place;
    Filter filter;
    std::size_t limit = 1000;
  };
  const auto options = std::make_shared<Options>();
  CLI::App* const command = dlq.add_subcommand("list", "List messages that were parked, or have died");
  options->place.add_flags(*command);
  options->filter.add_flags(*command);
  command->add_option("--limit", options->limit, "At most so many")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  command->callback([options, &session] {
    const client::Client client = session.connect();
    const Timestamp now = SystemClock().wall();
    Listing listing;
    listing.columns = {"ID", "AGE", "EXCHANGE", "ROUTING KEY", "BYTES", ""};
    for_each(session, options->place.letters(client), options->filter.get(session), options->limit,
             [&](const DeadLetter& letter) {
               listing.rows.push_back(to_row(letter, now));
               listing.json.push_back(to_json(letter));
             });
    session.print(listing);
  });
}

void add_show(CLI::App& dlq, Session& session) {
  struct Options {
    Place place;
    std::string id;
  };
  const auto options = std::make_shared<Options>();
  CLI::App* const command = dlq.add_subcommand("show", "Show one message with its body");
  command->add_option("id", options->id, "Its id, as list tells it")->required();
  options->place.add_flags(*command);
  command->callback([options, &session] {
    const DeadLetter letter = session.require(options->place.letters(session.connect()).get(options->id));
    Json fields = to_json(letter);
    add_body(letter.message.body, fields);
    print_fields(session, fields);
  });
}

void add_redrive(CLI::App& dlq, Session& session) {
  struct Options {
    Place place;
    Selection which;
    client::RedriveTo to;
    std::string reason;
  };
  const auto options = std::make_shared<Options>();
  CLI::App* const command = dlq.add_subcommand("redrive", "Send messages on again");
  options->place.add_flags(*command);
  options->which.add_flags(*command);
  CLI::Option* const to_queue =
      command->add_option("--to-queue", options->to.queue, "Straight into this queue, not where each last died");
  CLI::Option* const to_exchange =
      command->add_option("--to-exchange", options->to.exchange, "By this exchange, not to where each last died");
  to_exchange->excludes(to_queue);
  command->add_option("--to-routing-key", options->to.routing_key, "With this routing key, not each with its own")
      ->needs(to_exchange);
  command->add_option("--reason", options->reason, "Why; kept in the audit ledger");
  command->callback([options, &session] {
    const client::DeadLetterSelection which = options->which.get(session);
    const client::DeadLetters letters = options->place.letters(connect_patiently(session));
    const client::Redriven done = session.require(letters.redrive(which, options->to, options->reason));
    std::string line = "redrove " + count_of(done.redriven);
    if (done.not_routable != 0) line += "; no queue for " + count_of(done.not_routable);
    if (done.refused != 0) line += "; a full queue refuses " + count_of(done.refused);
    if (done.unavailable != 0) line += "; gone, or with a consumer: " + count_of(done.unavailable);
    session.print(line, {{"redriven", done.redriven},
                         {"not_routable", done.not_routable},
                         {"refused", done.refused},
                         {"unavailable", done.unavailable}});
  });
}

void add_discard(CLI::App& dlq, Session& session) {
  struct Options {
    Place place;
    Selection which;
    std::string reason;
    bool yes = false;
  };
  const auto options = std::make_shared<Options>();
  CLI::App* const command = dlq.add_subcommand("discard", "Drop messages");
  options->place.add_flags(*command);
  options->which.add_flags(*command);
  command->add_option("--reason", options->reason, "Why; kept in the audit ledger")
      ->required()
      ->check([](const std::string& reason) { return reason.empty() ? "the reason is empty" : std::string(); });
  command->add_flag("--yes", options->yes, "Do not ask");
  command->callback([options, &session] {
    const client::DeadLetterSelection which = options->which.get(session);
    const bool asks = which.ids.empty() && !options->yes;
    if (asks && ::isatty(STDIN_FILENO) == 0) {
      throw Session::Failed{usage("there is no terminal to ask at: --yes discards without a question")};
    }
    const client::DeadLetters letters = options->place.letters(connect_patiently(session));
    client::Discarded done;
    if (!asks || is_confirmed(session, letters, which, options->place.queue)) {
      done = session.require(letters.discard(which, options->reason));
    }
    std::string line = "discarded " + count_of(done.discarded);
    if (done.unavailable != 0) line += "; gone, or with a consumer: " + count_of(done.unavailable);
    session.print(line, {{"discarded", done.discarded}, {"unavailable", done.unavailable}});
  });
}

}  // namespace

void add_dlq_commands(CLI::App& app, Session& session) {
  CLI::App* const dlq =
      app.add_subcommand("dlq", "Messages that were parked, or have died: look at them, send them on, drop them");
  dlq->require_subcommand(1);
  add_list(*dlq, session);
  add_show(*dlq, session);
  add_redrive(*dlq, session);
  add_discard(*dlq, session);
}

}  // namespace escrow::cli
