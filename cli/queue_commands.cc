// escrow queue list|declare|delete|purge
#include <memory>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/text.h"
#include "client/cpp/broker.h"

namespace escrow::cli {
namespace {

struct Options {
  std::string vhost;
  std::string queue;
  std::vector<std::string> arguments;
  client::DeleteQueueOptions remove;
};

/// The policy, the operator policy, or both.
std::string policies_of(const client::QueueStatus& queue) {
  if (queue.operator_policy.empty()) return queue.policy;
  return queue.policy + (queue.policy.empty() ? "" : " ") + "(operator: " + queue.operator_policy + ")";
}

void list(Session& session, const Options& options) {
  client::Broker broker(session.connect(), options.vhost);
  Listing listing;
  listing.columns = {"QUEUE", "READY", "UNACKED", "RETRYING", "CONSUMERS", "ARGUMENTS", "POLICY"};
  std::string token;
  do {
    const client::QueuePage page = session.require(broker.list_queues(1000, token));
    for (const client::QueueStatus& queue : page.queues) {
      const Json arguments = to_json(queue.arguments);
      listing.rows.push_back({queue.queue, std::to_string(queue.messages_ready),
                              std::to_string(queue.messages_unacknowledged), std::to_string(queue.messages_retrying),
                              std::to_string(queue.consumers),
                              arguments.empty() ? "" : arguments.dump(-1, ' ', false, Json::error_handler_t::replace),
                              policies_of(queue)});
      listing.json.push_back({{"queue", queue.queue},
                              {"messages_ready", queue.messages_ready},
                              {"messages_unacknowledged", queue.messages_unacknowledged},
                              {"messages_retrying", queue.messages_retrying},
                              {"consumers", queue.consumers},
                              {"arguments", arguments},
                              {"policy", queue.policy},
                              {"operator_policy", queue.operator_policy},
                              {"effective_policy_definition", to_json(queue.effective_policy_definition)}});
    }
    token = page.next_page_token;
  } while (!token.empty());
  session.print(listing);
}

/// A subcommand for one queue.
template <class Run>
CLI::App* add(CLI::App& parent, Session& session, const std::shared_ptr<Options>& options, const char* name,
              const char* help, Run run) {
  CLI::App* const command = parent.add_subcommand(name, help);
  command->add_option("--vhost", options->vhost, "Virtual host; empty is /");
  command->callback([options, run, &session] {
    client::Broker broker(session.connect(), options->vhost);
    run(session, broker, *options);
  });
  return command;
}

}  // namespace

void add_queue_commands(CLI::App& app, Session& session) {
  CLI::App* const queue = app.add_subcommand("queue", "Queues");
  queue->require_subcommand(1);
  const auto options = std::make_shared<Options>();

  CLI::App* const listed = queue->add_subcommand("list", "List queues");
  listed->add_option("--vhost", options->vhost, "Virtual host; empty is /");
  listed->callback([options, &session] { list(session, *options); });

  CLI::App* const declared = add(*queue, session, options, "declare", "Make a queue, unless it exists",
                                 [](Session& s, client::Broker& broker, const Options& o) {
                                   s.require(broker.declare_queue(o.queue, s.require(parse_fields(o.arguments))));
                                   s.print("declared", {{"queue", o.queue}});
                                 });
  declared->add_option("queue", options->queue, "Name")->required();
  declared->add_option("--argument", options->arguments, "name=value, as often as needed");

  CLI::App* const deleted =
      add(*queue, session, options, "delete", "Delete a queue and its messages",
          [](Session& s, client::Broker& broker, const Options& o) {
            const std::uint64_t count = s.require(broker.delete_queue(o.queue, o.remove));
            s.print("deleted, with " + std::to_string(count) + " messages", {{"queue", o.queue}, {"messages", count}});
          });
  deleted->add_option("queue", options->queue, "Name")->required();
  deleted->add_flag("--if-unused", options->remove.if_unused, "Only without consumers");
  deleted->add_flag("--if-empty", options->remove.if_empty, "Only without messages");

  CLI::App* const purged =
      add(*queue, session, options, "purge", "Drop the messages that no consumer holds",
          [](Session& s, client::Broker& broker, const Options& o) {
            const std::uint64_t count = s.require(broker.purge_queue(o.queue));
            s.print("dropped " + std::to_string(count) + " messages", {{"queue", o.queue}, {"messages", count}});
          });
  purged->add_option("queue", options->queue, "Name")->required();
}

}  // namespace escrow::cli
