#include "broker/amqp/method_text.h"

#include <type_traits>
#include <variant>

namespace escrow::broker::amqp::detail {
namespace {

void print(const FieldValue& value, std::string& out);

struct ValuePrinter {
  std::string& out;

  void operator()(FieldVoid) const { out += "void"; }
  void operator()(bool v) const { out += v ? "true" : "false"; }
  template <class T>
    requires std::is_arithmetic_v<T>
  void operator()(T v) const {
    out += std::to_string(v);
  }
  void operator()(FieldDecimal v) const {
    out.append(std::to_string(v.unscaled)).append("e-") += std::to_string(v.scale);
  }
  void operator()(const std::string& v) const { detail::print(std::string_view(v), out); }
  void operator()(const FieldBytes& v) const { detail::print(std::string_view(v.bytes), out); }
  void operator()(FieldTimestamp v) const { (out += '@') += std::to_string(v.seconds); }
  void operator()(const FieldArray& v) const {
    out += '[';
    for (const FieldValue& item : v) {
      if (&item != v.data()) out += ' ';
      print(item, out);
    }
    out += ']';
  }
  void operator()(const FieldTable& v) const { detail::print(v, out); }
};

void print(const FieldValue& value, std::string& out) { std::visit(ValuePrinter{out}, value.kind); }

}  // namespace

void print(std::uint64_t v, std::string& out) { out += std::to_string(v); }

void print(std::string_view v, std::string& out) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (const char c : v.substr(0, kMaxPrintedText)) {
    if (c >= ' ' && c <= '~' && c != '\\') {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      (out.append("\\x") += kDigits[byte >> 4]) += kDigits[byte & 15];
    }
  }
  if (v.size() > kMaxPrintedText) out += "...";
}

void print(const Secret&, std::string& out) { out += "***"; }

void print(const FieldTable& v, std::string& out) {
  out += '{';
  bool first = true;
  for (const auto& [name, value] : v) {
    if (!first) out += ' ';
    first = false;
    print(std::string_view(name), out);
    out += '=';
    print(value, out);
  }
  out += '}';
}

}  // namespace escrow::broker::amqp::detail
