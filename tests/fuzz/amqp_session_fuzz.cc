// A client's bytes into a session whose engine answers as if all went well, or refuses: what is said are frames, no more is
// consumed than there is, nothing is said or asked behind the end. The first byte chooses how: bit 0 begins with an open
// connection, bit 1 feeds byte by byte, bit 2 answers only at the end, bit 3 refuses every fourth request.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/invariant.h"
#include "tests/unit/broker/amqp/session_tester.h"

using namespace escrow;
using namespace escrow::broker::amqp;

namespace {

/// Returns whether anything was.
bool check_said(SessionTester& s) {
  const std::string said = s.said();
  ESCROW_INVARIANT(said.find("MALFORMED") == std::string::npos, "a session says frames, and methods that it can read");
  return !said.empty();
}

void answer(SessionTester& s, bool refuses) {
  for (int i = 1; auto request = s.take(); ++i) {
    if (refuses && i % 4 == 0) {
      s.refuse(*request, not_found());
    } else {
      s.answer(*std::move(request));
    }
  }
  if (s.consumer != 0) s.session.deliver(s.delivery("a"));
  s.session.written();
}

void feed(SessionTester& s, std::string_view bytes, bool answers, bool refuses) {
  const bool ended = s.session.finished();
  s.feed(bytes);
  if (s.session.authenticating()) {
    s.session.authenticated(std::make_shared<UserPermissions>(UserPermissions{{"/", permissions(".*", ".*", ".*")}}));
    s.feed({});
  }
  if (answers) answer(s, refuses);
  const bool said = check_said(s);
  const bool asked = !s.asked().empty();
  ESCROW_INVARIANT(!ended || (!said && !asked), "nothing is said or asked behind the end");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::uint8_t how = data[0];
  const std::string_view in(reinterpret_cast<const char*>(data) + 1, size - 1);
  SessionTester s;
  if ((how & 1) != 0) s.open();
  const std::size_t piece = (how & 2) != 0 ? 1 : std::max<std::size_t>(in.size(), 1);
  for (std::size_t at = 0; at < in.size(); at += piece) {
    feed(s, in.substr(at, piece), (how & 4) == 0, (how & 8) != 0);
  }
  answer(s, (how & 8) != 0);
  check_said(s);
  return 0;
}
