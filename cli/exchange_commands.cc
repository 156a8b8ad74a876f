// escrow exchange declare|delete, escrow bind, escrow unbind
#include <map>
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
  std::string exchange;
  std::string type = "direct";
  std::vector<std::string> arguments;
  bool if_unused = false;
  client::Binding binding;
};

const std::map<std::string, client::ExchangeType> kTypes = {
    {"direct", client::ExchangeType::kDirect},
    {"fanout", client::ExchangeType::kFanout},
    {"topic", client::ExchangeType::kTopic},
    {"headers", client::ExchangeType::kHeaders},
    {"x-consistent-hash", client::ExchangeType::kConsistentHash},
    {"x-delayed-message", client::ExchangeType::kDelayedMessage}};

void add_binding(CLI::App& app, Session& session, bool remove) {
  const auto options = std::make_shared<Options>();
  CLI::App* const command = remove ? app.add_subcommand("unbind", "Unbind a queue or an exchange from an exchange")
                                   : app.add_subcommand("bind", "Bind a queue or an exchange to an exchange");
  command->add_option("source", options->binding.source, "The exchange messages come from")->required();
  CLI::Option* const queue = command->add_option("queue", options->binding.queue, "The queue they go to");
  command
      ->add_option("--to-exchange", options->binding.destination_exchange,
                   "The exchange they go to, instead of a queue")
      ->excludes(queue);
  command->add_option("--routing-key", options->binding.routing_key,
                      "Key, pattern of a topic exchange, or weight of a consistent hash one");
  command->add_option("--argument", options->arguments, "name=value, as often as needed");
  command->add_option("--vhost", options->vhost, "Virtual host; empty is /");
  command->callback([options, remove, &session] {
    const client::Binding& binding = options->binding;
    if (binding.queue.empty() && binding.destination_exchange.empty()) {
      throw Session::Failed{usage("a binding needs a queue, or --to-exchange")};
    }
    client::Broker broker(session.connect(), options->vhost);
    options->binding.arguments = session.require(parse_fields(options->arguments));
    session.require(remove ? broker.unbind(binding) : broker.bind(binding));
    Json json = {{"source", binding.source}};
    if (binding.destination_exchange.empty()) {
      json["queue"] = binding.queue;
    } else {
      json["destination_exchange"] = binding.destination_exchange;
    }
    session.print(remove ? "unbound" : "bound", json);
  });
}

}  // namespace

void add_exchange_commands(CLI::App& app, Session& session) {
  CLI::App* const exchange = app.add_subcommand("exchange", "Exchanges");
  exchange->require_subcommand(1);
  const auto options = std::make_shared<Options>();

  CLI::App* const declared = exchange->add_subcommand("declare", "Make an exchange, unless it exists");
  declared->add_option("exchange", options->exchange, "Name")->required();
  declared
      ->add_option("--type", options->type, "direct, fanout, topic, headers or x-consistent-hash; direct without it")
      ->check(CLI::IsMember({"direct", "fanout", "topic", "headers", "x-consistent-hash"}))
      ->type_name("TYPE");
  declared->add_option("--argument", options->arguments, "name=value, as often as needed");
  declared->add_option("--vhost", options->vhost, "Virtual host; empty is /");
  declared->callback([options, &session] {
    client::Broker broker(session.connect(), options->vhost);
    session.require(broker.declare_exchange(options->exchange, kTypes.at(options->type),
                                            session.require(parse_fields(options->arguments))));
    session.print("declared", {{"exchange", options->exchange}});
  });

  CLI::App* const deleted = exchange->add_subcommand("delete", "Delete an exchange and its bindings");
  deleted->add_option("exchange", options->exchange, "Name")->required();
  deleted->add_flag("--if-unused", options->if_unused, "Only without bindings");
  deleted->add_option("--vhost", options->vhost, "Virtual host; empty is /");
  deleted->callback([options, &session] {
    client::Broker broker(session.connect(), options->vhost);
    session.require(broker.delete_exchange(options->exchange, options->if_unused));
    session.print("deleted", {{"exchange", options->exchange}});
  });

  add_binding(app, session, false);
  add_binding(app, session, true);
}

}  // namespace escrow::cli
