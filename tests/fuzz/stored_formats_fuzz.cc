// Stored formats as a damaged disk returns them: refused, or decoded; never a crash, nor memory for what is not there.
// The first byte chooses the format.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "audit/record.h"
#include "broker/core/fragment.h"
#include "broker/core/page_state.h"
#include "broker/core/policy_codec.h"
#include "broker/core/queue_log.h"
#include "broker/core/topology.h"
#include "coordinator/core/transaction.h"
#include "engine/head.h"
#include "engine/timer_index.h"

using namespace escrow;

namespace {

/// Of all messages of a page.
void decode_fragments(std::string_view in) {
  while (!in.empty()) {
    const auto fragment = broker::Fragment::decode(in);
    if (!fragment) return;
  }
}

void decode_audit(std::string_view in) {
  audit::Tip tip;
  while (!in.empty() && audit::verify(in, tip)) continue;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view in(reinterpret_cast<const char*>(data) + 1, size - 1);
  const coordinator::Key key{"group", "id"};
  switch (data[0] % 11) {
    case 0:
      decode_fragments(in);
      break;
    case 1:
      decode_audit(in);
      break;
    case 2:
      static_cast<void>(broker::PageState::decode(in));
      break;
    case 3:
      static_cast<void>(broker::LogState::decode(in));
      break;
    case 4:
      static_cast<void>(broker::PageExtent::decode(1, in));
      break;
    case 5:
      static_cast<void>(broker::PageExtent::of(1, in));
      break;
    case 6:
      static_cast<void>(coordinator::decode_open(key, in, in));
      break;
    case 7:
      static_cast<void>(coordinator::decode_decided(key, in));
      break;
    case 8:
      static_cast<void>(engine::Head::decode(in));
      break;
    case 10:
      static_cast<void>(broker::decode_policy(broker::encode_policy_key("/", "p", false), in));
      break;
    default:
      static_cast<void>(engine::decode_timers(in));
      break;
  }
  return 0;
}
