// Golden bytes: stored and transmitted formats, written out as hex. A test that has to change one of these changes a
// format that is on somebody's disk; that is never a side effect.
#pragma once

#include <cctype>
#include <string>
#include <string_view>

namespace escrow {

/// The hex of a golden constant, blanks left out, so that it can be laid out like the format's drawing.
inline std::string golden(std::string_view text) {
  std::string digits;
  for (const char c : text) {
    if (std::isspace(static_cast<unsigned char>(c)) == 0) digits.push_back(c);
  }
  return digits;
}

inline std::string hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    text.push_back(kDigits[static_cast<unsigned char>(c) >> 4]);
    text.push_back(kDigits[static_cast<unsigned char>(c) & 15]);
  }
  return text;
}

/// The bytes that a golden constant stands for.
inline std::string bytes_of(std::string_view text) {
  const auto value = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  const std::string digits = golden(text);
  std::string bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    bytes.push_back(static_cast<char>(value(digits[i]) << 4 | value(digits[i + 1])));
  }
  return bytes;
}

}  // namespace escrow
