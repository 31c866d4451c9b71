#include "common/events/event.h"

#include "absl/strings/str_cat.h"
#include "playmesh/options/v1/options.pb.h"

namespace playmesh::events {

std::string TopicOf(const google::protobuf::Descriptor& type) { return type.file()->package(); }

absl::StatusOr<std::string> KeyOf(const google::protobuf::Message& message) {
  const auto* type = message.GetDescriptor();
  const std::string& name = type->options().GetExtension(options::v1::event).key();
  const auto* field = type->FindFieldByName(name);
  if (field == nullptr || field->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_STRING) {
    return absl::InternalError(
        absl::StrCat(type->full_name(), " has no option (playmesh.options.v1.event)"));
  }
  return message.GetReflection()->GetString(message, field);
}

}  // namespace playmesh::events
