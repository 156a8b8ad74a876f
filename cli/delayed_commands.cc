// escrow delayed list|cancel|purge
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/text.h"
#include "client/cpp/delayed_messages.h"

namespace escrow::cli {
namespace {

using client::DelayedMessage;

struct Options {
  client::DelayedPlace place;
  std::vector<std::string> ids;
  std::string reason;
  std::size_t limit = 1000;

  client::DelayedMessages open(Session& session) const { return {session.connect(), place}; }
};

/// A subcommand for one place.
CLI::App* add(CLI::App& parent, const std::shared_ptr<Options>& options, const char* name, const char* help) {
  CLI::App* const command = parent.add_subcommand(name, help);
  CLI::Option_group* const place = command->add_option_group("place");
  place->add_option("--exchange", options->place.exchange, "The exchange that keeps them back");
  place->add_option("--queue", options->place.queue, "The queue that delivers them again");
  place->require_option(1);
  command->add_option("--vhost", options->place.vhost, "Virtual host; empty is /");
  return command;
}

Json to_json(const DelayedMessage& m) {
  Json out{{"id", m.id},
           {"due", to_text(m.due_time)},
           {"exchange", m.message.exchange},
           {"routing_key", m.message.routing_key},
           {"headers", cli::to_json(m.message.properties.headers)},
           {"body_bytes", m.body_bytes}};
  if (m.message.body.size() == m.body_bytes) add_body(m.message.body, out);
  return out;
}

void list(Session& session, const Options& options) {
  const client::DelayedMessages messages = options.open(session);
  Listing listing;
  listing.columns = {"ID", "DUE", "EXCHANGE", "ROUTING KEY", "BYTES"};
  std::string token;
  do {
    const std::size_t wanted = std::min<std::size_t>(options.limit - listing.rows.size(), 1000);
    const client::DelayedMessagePage page = session.require(messages.list(static_cast<std::uint32_t>(wanted), token));
    for (const DelayedMessage& m : page.messages) {
      listing.rows.push_back(
          {m.id, to_text(m.due_time), m.message.exchange, m.message.routing_key, std::to_string(m.body_bytes)});
      listing.json.push_back(to_json(m));
    }
    token = page.next_page_token;
  } while (!token.empty() && listing.rows.size() < options.limit);
  session.print(listing);
}

void cancel(Session& session, const Options& options) {
  const auto cancelled = session.require(options.open(session).cancel(options.ids, options.reason));
  session.print("cancelled " + std::to_string(cancelled.size()) + " of " + std::to_string(options.ids.size()),
                {{"cancelled", cancelled}});
}

}  // namespace

void add_delayed_commands(CLI::App& app, Session& session) {
  CLI::App* const delayed =
      app.add_subcommand("delayed", "Messages that a delayed exchange keeps back, or a queue is to deliver again");
  delayed->require_subcommand(1);
  const auto options = std::make_shared<Options>();

  CLI::App* const listed = add(*delayed, options, "list", "List them in order of time");
  listed->add_option("--limit", options->limit, "At most so many")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  listed->callback([options, &session] { list(session, *options); });

  CLI::App* const cancelled = add(*delayed, options, "cancel", "Cancel some: they are never delivered");
  cancelled->add_option("id", options->ids, "As list tells it")->required();
  cancelled->add_option("--reason", options->reason, "Why; kept in the audit ledger");
  cancelled->callback([options, &session] { cancel(session, *options); });

  CLI::App* const purged = add(*delayed, options, "purge", "Drop all of them");
  purged->add_option("--reason", options->reason, "Why; kept in the audit ledger");
  purged->callback([options, &session] {
    const std::uint64_t count = session.require(options->open(session).purge(options->reason));
    session.print("dropped " + std::to_string(count) + " messages", {{"messages", count}});
  });
}

}  // namespace escrow::cli
