// escrow publish
#include <memory>
#include <string>
#include <utility>

#include "cli/commands.h"
#include "cli/message_options.h"
#include "client/cpp/broker.h"

namespace escrow::cli {
namespace {

struct Options {
  MessageOptions message;
  bool transient = false;
  bool routed = false;
};

void publish(Session& session, Options& options) {
  client::Broker broker(session.connect());
  client::Message message = options.message.take(session);
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
  CLI::App* const command = app.add_subcommand("publish", "Publish one message, outside of any transaction");
  options->message.add_flags(*command);
  command->add_flag("--transient", options->transient,
                    "Mark the message as transient (delivery-mode 1): a restart may lose it");
  command->add_flag("--routed", options->routed, "Exit with 3 when no queue takes it");
  command->callback([options, &session] { publish(session, *options); });
}

}  // namespace escrow::cli
