// escrow publish
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/text.h"
#include "client/cpp/broker.h"

namespace escrow::cli {
namespace {

struct Options {
  client::Message message;
  std::optional<std::string> body;
  std::string file = "-";
  std::vector<std::string> headers;
  bool transient = false;
  bool routed = false;
};

void publish(Session& session, Options& options) {
  client::Broker broker(session.connect());
  client::Message& message = options.message;
  message.body = options.body ? *options.body : session.require(read_all(options.file));
  message.properties.headers = session.require(parse_fields(options.headers));
  if (options.transient) message.properties.persistent = false;
  const std::uint32_t queues = session.require(broker.publish(std::move(message)));
  session.print("in " + std::to_string(queues) + (queues == 1 ? " queue" : " queues"), {{"queues", queues}});
  if (queues == 0 && options.routed) {
    throw Session::Failed{{ErrorCode::kNotFound, "UNROUTED", "no queue is bound for it: the message is gone", {}}};
  }
}

}  // namespace

void add_publish_command(CLI::App& app, Session& session) {
  const auto options = std::make_shared<Options>();
  client::Properties& properties = options->message.properties;
  CLI::App* const command = app.add_subcommand("publish", "Publish one message, outside of any transaction");
  command->add_option("--exchange", options->message.exchange,
                      "Empty: the default exchange, to the queue of that name");
  command->add_option("--routing-key", options->message.routing_key, "Routing key");
  command->add_option("--vhost", options->message.vhost, "Virtual host; empty is /");
  CLI::Option* const body = command->add_option("--body", options->body, "The body as text");
  command->add_option("--file", options->file, "File with the body; standard input without it")->excludes(body);
  command->add_option("--header", options->headers, "name=value, as often as needed");
  command->add_option("--content-type", properties.content_type, "Property content-type");
  command->add_option("--message-id", properties.message_id, "Property message-id");
  command->add_option("--correlation-id", properties.correlation_id, "Property correlation-id");
  command->add_option("--type", properties.type, "Property type");
  command->add_flag("--transient", options->transient,
                    "Mark the message as transient (delivery-mode 1): a restart may lose it");
  command->add_flag("--routed", options->routed, "Exit with 3 when no queue takes it");
  command->callback([options, &session] { publish(session, *options); });
}

}  // namespace escrow::cli
