#include "broker/amqp/method_codec.h"

namespace escrow::broker::amqp::detail {

void FieldDecoder::operator()(std::string_view, FieldTable& v) {
  left_ = 0;
  std::string_view rest = in_.rest();
  Result<FieldTable> table = decode_table(rest);
  if (!table) return in_.fail();
  in_.bytes(in_.rest().size() - rest.size());
  v = *std::move(table);
}

}  // namespace escrow::broker::amqp::detail
