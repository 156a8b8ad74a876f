// How RabbitMQ names types and values of arguments in its error texts.
#pragma once

#include <string>
#include <string_view>

#include "model/field_table.h"

namespace escrow::broker {

/// As rabbit_binary_parser names it: signedint, long, longstr, …
std::string_view type_name(const FieldValue& value);
/// Text without quotes, numbers in decimal; of an array or a table only that it is one.
std::string value_text(const FieldValue& value);

}  // namespace escrow::broker
