// AMQP 0-9-1 as clients send it: refused, or decoded to what encodes to bytes that decode to the same. The first byte chooses
// between a stream of frames, one method, one content header and one table.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/invariant.h"
#include "broker/amqp/content.h"
#include "broker/amqp/method_text.h"
#include "model/field_table.h"
#include "model/properties.h"

using namespace escrow;
using namespace escrow::broker::amqp;

namespace {

template <class M>
std::string payload_of(const M& method) {
  std::string frame;
  encode_method(1, method, frame);
  return frame.substr(kFrameHeaderSize, frame.size() - kFrameOverhead);
}

void check_method(std::string_view payload) {
  static_cast<void>(visit_method(payload, []<class M>(const M& method) {
    static_cast<void>(to_string(method));
    // Bytes are compared, not methods: a NaN in a table is not equal to itself.
    const std::string encoded = payload_of(method);
    bool same = false;
    const auto again = visit_method(encoded, [&]<class Again>(const Again& back) {
      if constexpr (std::is_same_v<Again, M>) same = payload_of(back) == encoded;
    });
    ESCROW_INVARIANT(again.ok() && same, "what was decoded encodes and decodes to the same method");
  }));
}

void check_properties(std::string_view in) {
  const auto view = scan_properties(in);
  const auto properties = decode_properties(in);
  ESCROW_INVARIANT(view.ok() == properties.ok(), "a scan refuses what decoding refuses");
  if (!view) return;
  ESCROW_INVARIANT(view->headers.has_value() == properties->headers.has_value(), "a scan sees what decoding sees");
  const auto encoded = encode_properties(*properties);
  ESCROW_INVARIANT(encoded && scan_properties(*encoded).ok(), "what was decoded encodes to what is accepted");
}

void check_content_header(std::string_view payload) {
  const auto header = decode_content_header(payload);
  if (!header) return;
  check_properties(header->properties);
  std::string frames;
  encode_content(1, header->properties, {}, kDefaultFrameMax, frames);
  const NextFrame next = next_frame(frames, 0x7fffffff);
  const auto back = decode_content_header(next.frame.payload);
  ESCROW_INVARIANT(back && back->properties == header->properties && back->view == header->view,
                   "a content header passes through unchanged");
}

void check_table(std::string_view in) {
  std::string_view decoded = in;
  std::string_view checked = in;
  const auto table = decode_table(decoded);
  ESCROW_INVARIANT(escrow::check_table(checked).ok() == table.ok() && checked == decoded,
                   "a check refuses what decoding refuses");
  if (!table) return;
  for (const auto& [name, value] : *table) {
    const auto found = find_in_table(in, name);
    ESCROW_INVARIANT(found && found->kind.index() == table->find(name)->kind.index(), "a field is found by its name");
  }
}

void check_frames(std::string_view in) {
  static_cast<void>(check_protocol_header(in));
  for (;;) {
    const NextFrame next = next_frame(in, kMinFrameMax);
    if (next.state != NextFrame::State::kFrame) return;
    if (next.frame.type == FrameType::kMethod) check_method(next.frame.payload);
    if (next.frame.type == FrameType::kHeader) check_content_header(next.frame.payload);
    in.remove_prefix(next.size);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view in(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 5) {
    case 0:
      check_frames(in);
      break;
    case 1:
      check_method(in);
      break;
    case 2:
      check_content_header(in);
      break;
    case 3:
      check_properties(in);
      break;
    default:
      check_table(in);
      break;
  }
  return 0;
}
