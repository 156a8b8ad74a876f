#include "tests/unit/broker/amqp/session_text.h"

#include <variant>

#include "broker/amqp/content.h"
#include "broker/amqp/method_text.h"

namespace escrow::broker::amqp {
namespace {

struct RequestText {
  static std::string of(const Publish& c) {
    std::string text = "publish";
    for (const MessageView& m : c.messages) {
      text.append(" ").append(m.exchange).append("/").append(m.routing_key).append("=").append(m.body);
    }
    return text;
  }
  static std::string of(const SettleTag& c) {
    constexpr std::string_view kHow[] = {"ack ", "reject ", "requeue ", "return "};
    return std::string(kHow[static_cast<int>(c.settlement)]) + (c.multiple ? "..." : "") + std::to_string(c.tag);
  }

  std::string operator()(const DeclareExchange& c) const {
    return (c.passive ? "look exchange " : "declare exchange ") + c.spec.name;
  }
  std::string operator()(const DeleteExchange& c) const { return "delete exchange " + c.name; }
  std::string operator()(const DeclareQueue& c) const { return (c.passive ? "look " : "declare ") + c.spec.name; }
  std::string operator()(const DeleteQueue& c) const { return "delete " + c.name; }
  std::string operator()(const PurgeQueue& c) const { return "purge " + c.name; }
  std::string operator()(const Bind& c) const {
    return (c.remove ? "unbind " : "bind ") + c.source + ">" + c.destination + ":" + c.binding.routing_key;
  }
  std::string operator()(const Publish& c) const { return of(c); }
  std::string operator()(const OpenChannel&) const { return "open"; }
  std::string operator()(const CloseChannel&) const { return "close"; }
  std::string operator()(const SetPrefetch& c) const { return "prefetch " + std::to_string(c.messages); }
  std::string operator()(const Consume& c) const { return "consume " + c.queue + " " + std::to_string(c.credit); }
  std::string operator()(const Cancel&) const { return "cancel"; }
  std::string operator()(const GrantBytes& c) const { return "grant " + std::to_string(c.bytes); }
  std::string operator()(const SettleTag& c) const { return of(c); }
  std::string operator()(const Fetch& c) const { return "fetch " + c.queue; }
  std::string operator()(const CheckAhead& c) const {
    return "check " + (c.settle ? of(*c.settle) : "/" + c.exchange) + (c.refusal ? " or refuse" : "");
  }
  std::string operator()(const CommitTx& c) const {
    std::string text = "commit(" + of(c.publish);
    for (const SettleTag& settle : c.settles) text += " " + of(settle);
    return text + ")";
  }
};

}  // namespace

std::string frames_text(std::string_view bytes, std::uint32_t frame_max) {
  std::string text;
  while (!bytes.empty()) {
    if (!text.empty()) text += ' ';
    if (bytes == kProtocolHeader) return text + "AMQP0091";
    const NextFrame next = next_frame(bytes, frame_max);
    if (next.state != NextFrame::State::kFrame) return text + "MALFORMED";
    bytes.remove_prefix(next.size);
    const Frame& frame = next.frame;
    if (frame.channel > 1) text += std::to_string(frame.channel) + ":";
    if (frame.type == FrameType::kHeartbeat) {
      text += "heartbeat";
    } else if (frame.type == FrameType::kBody) {
      text.append("'").append(frame.payload) += "'";
    } else if (frame.type == FrameType::kHeader) {
      const auto header = decode_content_header(frame.payload);
      text += header ? "header{" + std::to_string(header->body_size) + "}" : "MALFORMED";
    } else if (!visit_method(frame.payload, [&](const auto& method) { text += to_string(method); })) {
      text += "MALFORMED";
    }
  }
  return text;
}

std::string request_text(const Request& request) { return std::visit(RequestText(), request.command); }

std::string event_text(const ConnectionEvent& event) {
  constexpr std::string_view kKinds[] = {"refused",       "handshake failed", "login refused",    "opened",
                                         "channel error", "connection error", "heartbeat missed", "closed"};
  std::string text(kKinds[static_cast<std::size_t>(event.kind)]);
  for (const std::string_view name : {event.peer, event.user, event.vhost}) {
    if (!name.empty()) text.append(" ").append(name);
  }
  if (event.channel != 0) text += " " + std::to_string(event.channel);
  if (event.text.empty()) return text;
  text += ": ";
  if (event.reply_code != 0) text += std::to_string(event.reply_code) + " ";
  return text.append(event.text);
}

}  // namespace escrow::broker::amqp
