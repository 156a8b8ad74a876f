#include "cli/message_options.h"

#include <utility>

#include "cli/text.h"

namespace escrow::cli {

void MessageOptions::add_flags(CLI::App& command) {
  client::Properties& properties = message_.properties;
  command.add_option("--exchange", message_.exchange, "Empty: the default exchange, to the queue of that name");
  command.add_option("--routing-key", message_.routing_key, "Routing key");
  command.add_option("--vhost", message_.vhost, "Virtual host; empty is /");
  CLI::Option* const body = command.add_option("--body", body_, "The body as text");
  command.add_option("--file", file_, "File with the body; standard input without it")->excludes(body);
  command.add_option("--header", headers_, "name=value, as often as needed");
  command.add_option("--content-type", properties.content_type, "Property content-type");
  command.add_option("--message-id", properties.message_id, "Property message-id");
  command.add_option("--correlation-id", properties.correlation_id, "Property correlation-id");
  command.add_option("--type", properties.type, "Property type");
}

client::Message MessageOptions::take(Session& session) {
  message_.body = body_ ? *std::move(body_) : session.require(read_all(file_));
  message_.properties.headers = session.require(parse_fields(headers_));
  return std::move(message_);
}

}  // namespace escrow::cli
