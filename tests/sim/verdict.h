// The verdict on a run: the first rule that it broke.
#pragma once

#include <sstream>
#include <string>

namespace escrow::sim {

class Verdict {
 public:
  bool ok() const { return rule_.empty(); }
  /// Empty: none was broken.
  const std::string& rule() const { return rule_; }

  /// `holds` is what has to be; the parts, put together, say what is not. Only the first one counts: what follows a
  /// broken rule are mostly its consequences.
  template <class... Parts>
  bool require(bool holds, const Parts&... parts) {
    if (!holds) [[unlikely]]
      broken(parts...);
    return holds;
  }
  template <class... Parts>
  void broken(const Parts&... parts) {
    if (!ok()) return;
    std::ostringstream text;
    (text << ... << parts);
    rule_ = text.str();
  }

 private:
  std::string rule_;
};

}  // namespace escrow::sim
