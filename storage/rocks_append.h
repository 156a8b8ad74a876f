// The merge operator behind WriteSet::append.
#pragma once

#include <memory>

namespace rocksdb {
class MergeOperator;
}

namespace escrow {

/// Appends operands to the value in the order of their writes. Its name, "escrow.append", is on disk (options
/// and table files) and never changes.
std::shared_ptr<rocksdb::MergeOperator> make_append_operator();

}  // namespace escrow
