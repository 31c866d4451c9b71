#include "common/rpc/update_mask.h"

#include <google/protobuf/util/field_mask_util.h>
#include <google/protobuf/util/message_differencer.h>

#include <memory>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"

namespace playmesh::rpc {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::util::FieldMaskUtil;
using google::protobuf::util::MessageDifferencer;

const FieldDescriptor* FieldOf(const Message& message, const std::string& name) {
  return message.GetDescriptor()->FindFieldByName(name);
}

bool IsSet(const Message& message, const FieldDescriptor* field) {
  const auto& reflection = *message.GetReflection();
  return field->is_repeated() ? reflection.FieldSize(message, field) > 0
                              : reflection.HasField(message, field);
}

}  // namespace

FieldMask ReadUpdateMask(const Message& patch, const FieldMask& mask, const FieldMask& changeable,
                         Violations& violations) {
  if (mask.paths_size() == 1 && mask.paths(0) == "*") return changeable;
  for (const std::string& path : mask.paths()) {
    if (absl::c_linear_search(changeable.paths(), path)) continue;
    violations.Add("update_mask",
                   FieldOf(patch, path) == nullptr
                       ? absl::StrCat(path, " is no field of ", patch.GetDescriptor()->name())
                       : absl::StrCat(path, " cannot be changed"));
  }
  FieldMask fields;
  for (const std::string& name : changeable.paths()) {
    const bool changes = mask.paths().empty() ? IsSet(patch, FieldOf(patch, name))
                                              : absl::c_linear_search(mask.paths(), name);
    if (changes) fields.add_paths(name);
  }
  return fields;
}

std::vector<std::string> ApplyUpdate(const Message& patch, const FieldMask& fields,
                                     Message& resource) {
  const std::unique_ptr<Message> before(resource.New());
  before->CopyFrom(resource);
  FieldMaskUtil::MergeOptions options;
  options.set_replace_message_fields(true);
  options.set_replace_repeated_fields(true);
  FieldMaskUtil::MergeMessageTo(patch, fields, options, &resource);
  std::vector<std::string> changed;
  for (const std::string& name : fields.paths()) {
    const std::vector<const FieldDescriptor*> field = {FieldOf(resource, name)};
    if (!MessageDifferencer().CompareWithFields(*before, resource, field, field)) {
      changed.push_back(name);
    }
  }
  return changed;
}

}  // namespace playmesh::rpc
