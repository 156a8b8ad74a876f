// What a session says and asks for, as text to compare with. Not inline: it knows every method, which takes long to compile.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "broker/amqp/session.h"

namespace escrow::broker::amqp {

/// Methods as to_string() has them, the channel in front unless it is 1 or 0; content as `header{3}` and `'abc'`; in between blanks.
/// "MALFORMED" behind what is no frame that fits `frame_max`.
std::string frames_text(std::string_view bytes, std::uint32_t frame_max);

/// `queue.declare`'s command as "declare q", and so on; numbers of connections, channels and consumers are left out.
std::string request_text(const Request& request);

/// "channel error guest / 1: 406 PRECONDITION_FAILED - …"; what there is of it.
std::string event_text(const ConnectionEvent& event);

}  // namespace escrow::broker::amqp
