// Reply codes of AMQP 0-9-1 (section 1.2): what close and basic.return methods say, and what this codec refuses bytes with.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace escrow::broker::amqp {

enum class ReplyCode : std::uint16_t {
  kSuccess = 200,
  kContentTooLarge = 311,
  kNoRoute = 312,      ///< of basic.return only
  kNoConsumers = 313,  ///< of basic.return only
  kConnectionForced = 320,
  kInvalidPath = 402,
  kAccessRefused = 403,
  kNotFound = 404,
  kResourceLocked = 405,
  kPreconditionFailed = 406,
  kFrameError = 501,
  kSyntaxError = 502,
  kCommandInvalid = 503,
  kChannelError = 504,
  kUnexpectedFrame = 505,
  kResourceError = 506,
  kNotAllowed = 530,
  kNotImplemented = 540,
  kInternalError = 541,
};

/// "NOT_FOUND"; "UNKNOWN" for a number that is no code.
std::string_view name(ReplyCode code);

/// Whether the error closes the connection, not only the channel.
bool is_hard(ReplyCode code);

/// The reply-text of a close method as RabbitMQ words it, "NOT_FOUND - no queue 'q' in vhost '/'": clients match on it. Cut to
/// the 255 bytes of a short string, with "..." at the end, as RabbitMQ does.
std::string reply_text(ReplyCode code, std::string_view explanation);

/// Why bytes are refused. The text is static, so that refusing allocates nothing.
struct ProtocolError {
  ReplyCode code = ReplyCode::kInternalError;
  std::string_view text;

  bool operator==(const ProtocolError&) const = default;
};

}  // namespace escrow::broker::amqp
