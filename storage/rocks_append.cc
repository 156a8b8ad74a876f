#include "storage/rocks_append.h"

#include <string>

#include "rocksdb/merge_operator.h"
#include "rocksdb/slice.h"

namespace escrow {
namespace {

class AppendOperator final : public rocksdb::MergeOperator {
 public:
  const char* Name() const override { return "escrow.append"; }

  bool FullMergeV2(const MergeOperationInput& in, MergeOperationOutput* out) const override {
    if (in.existing_value == nullptr && in.operand_list.size() == 1) {
      out->existing_operand = in.operand_list.front();  // saves the copy
      return true;
    }
    std::size_t size = in.existing_value != nullptr ? in.existing_value->size() : 0;
    for (const rocksdb::Slice& operand : in.operand_list) size += operand.size();
    out->new_value.clear();
    out->new_value.reserve(size);
    if (in.existing_value != nullptr) out->new_value.append(in.existing_value->data(), in.existing_value->size());
    for (const rocksdb::Slice& operand : in.operand_list) out->new_value.append(operand.data(), operand.size());
    return true;
  }

  bool PartialMergeMulti(const rocksdb::Slice&, const std::deque<rocksdb::Slice>& operands, std::string* out,
                         rocksdb::Logger*) const override {
    std::size_t size = 0;
    for (const rocksdb::Slice& operand : operands) size += operand.size();
    out->clear();
    out->reserve(size);
    for (const rocksdb::Slice& operand : operands) out->append(operand.data(), operand.size());
    return true;
  }
};

}  // namespace

std::shared_ptr<rocksdb::MergeOperator> make_append_operator() { return std::make_shared<AppendOperator>(); }

}  // namespace escrow
