#include "broker/core/field_text.h"

#include <charconv>
#include <type_traits>

namespace escrow::broker {
namespace {

struct TypeName {
  std::string_view operator()(FieldVoid) const { return "void"; }
  std::string_view operator()(bool) const { return "bool"; }
  std::string_view operator()(std::int8_t) const { return "byte"; }
  std::string_view operator()(std::uint8_t) const { return "unsignedbyte"; }
  std::string_view operator()(std::int16_t) const { return "short"; }
  std::string_view operator()(std::uint16_t) const { return "unsignedshort"; }
  std::string_view operator()(std::int32_t) const { return "signedint"; }
  std::string_view operator()(std::uint32_t) const { return "unsignedint"; }
  std::string_view operator()(std::int64_t) const { return "long"; }
  std::string_view operator()(float) const { return "float"; }
  std::string_view operator()(double) const { return "double"; }
  std::string_view operator()(FieldDecimal) const { return "decimal"; }
  std::string_view operator()(const std::string&) const { return "longstr"; }
  std::string_view operator()(const FieldBytes&) const { return "binary"; }
  std::string_view operator()(FieldTimestamp) const { return "timestamp"; }
  std::string_view operator()(const FieldArray&) const { return "array"; }
  std::string_view operator()(const FieldTable&) const { return "table"; }
};

struct ValueText {
  std::string operator()(FieldVoid) const { return "undefined"; }
  std::string operator()(bool v) const { return v ? "true" : "false"; }
  std::string operator()(FieldDecimal v) const {
    return "{" + std::to_string(v.scale) + "," + std::to_string(v.unscaled) + "}";
  }
  std::string operator()(const std::string& v) const { return v; }
  std::string operator()(const FieldBytes& v) const { return v.bytes; }
  std::string operator()(FieldTimestamp v) const { return std::to_string(v.seconds); }
  std::string operator()(const FieldArray&) const { return "array"; }
  std::string operator()(const FieldTable&) const { return "table"; }
  template <class Number>
    requires std::is_arithmetic_v<Number>
  std::string operator()(Number v) const {
    char digits[64];
    std::string text(digits, std::to_chars(digits, digits + sizeof digits, v).ptr);
    // That it is no integer is seen, as in RabbitMQ.
    if (std::is_floating_point_v<Number> && text.find_first_not_of("-0123456789") == std::string::npos) text += ".0";
    return text;
  }
};

}  // namespace

std::string_view type_name(const FieldValue& value) { return std::visit(TypeName{}, value.kind); }

std::string value_text(const FieldValue& value) { return std::visit(ValueText{}, value.kind); }

}  // namespace escrow::broker
