// Matching of the headers exchange (AMQP 0-9-1 section 3.1.3.4, with RabbitMQ's any-with-x and all-with-x).
#pragma once

#include "base/result.h"
#include "model/field_table.h"

namespace escrow::broker {

/// ARGUMENT_INVALID (406 in AMQP) for a binding whose x-match is none of all, any, all-with-x, any-with-x.
Result<void> check_headers_binding(const FieldTable& arguments);

/// `headers` may be nullptr: a message without headers. A binding value without content (void) matches any value of
/// that name. Names that begin with "x-" take part only in the -with-x forms.
bool headers_match(const FieldTable& arguments, const FieldTable* headers);

}  // namespace escrow::broker
