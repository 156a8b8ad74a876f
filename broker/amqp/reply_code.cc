#include "broker/amqp/reply_code.h"

#include "model/field_table.h"

namespace escrow::broker::amqp {

std::string_view name(ReplyCode code) {
  switch (code) {
    case ReplyCode::kSuccess:
      return "SUCCESS";
    case ReplyCode::kContentTooLarge:
      return "CONTENT_TOO_LARGE";
    case ReplyCode::kNoRoute:
      return "NO_ROUTE";
    case ReplyCode::kNoConsumers:
      return "NO_CONSUMERS";
    case ReplyCode::kConnectionForced:
      return "CONNECTION_FORCED";
    case ReplyCode::kInvalidPath:
      return "INVALID_PATH";
    case ReplyCode::kAccessRefused:
      return "ACCESS_REFUSED";
    case ReplyCode::kNotFound:
      return "NOT_FOUND";
    case ReplyCode::kResourceLocked:
      return "RESOURCE_LOCKED";
    case ReplyCode::kPreconditionFailed:
      return "PRECONDITION_FAILED";
    case ReplyCode::kFrameError:
      return "FRAME_ERROR";
    case ReplyCode::kSyntaxError:
      return "SYNTAX_ERROR";
    case ReplyCode::kCommandInvalid:
      return "COMMAND_INVALID";
    case ReplyCode::kChannelError:
      return "CHANNEL_ERROR";
    case ReplyCode::kUnexpectedFrame:
      return "UNEXPECTED_FRAME";
    case ReplyCode::kResourceError:
      return "RESOURCE_ERROR";
    case ReplyCode::kNotAllowed:
      return "NOT_ALLOWED";
    case ReplyCode::kNotImplemented:
      return "NOT_IMPLEMENTED";
    case ReplyCode::kInternalError:
      return "INTERNAL_ERROR";
  }
  return "UNKNOWN";
}

bool is_hard(ReplyCode code) {
  switch (code) {
    case ReplyCode::kConnectionForced:
    case ReplyCode::kInvalidPath:
    case ReplyCode::kFrameError:
    case ReplyCode::kSyntaxError:
    case ReplyCode::kCommandInvalid:
    case ReplyCode::kChannelError:
    case ReplyCode::kUnexpectedFrame:
    case ReplyCode::kResourceError:
    case ReplyCode::kNotAllowed:
    case ReplyCode::kNotImplemented:
    case ReplyCode::kInternalError:
      return true;
    default:
      return false;
  }
}

std::string reply_text(ReplyCode code, std::string_view explanation) {
  constexpr std::string_view kCut = "...";
  std::string text(name(code));
  text.append(" - ").append(explanation);
  if (text.size() > kMaxShortString) {
    text.resize(kMaxShortString - kCut.size());
    text += kCut;
  }
  return text;
}

}  // namespace escrow::broker::amqp
