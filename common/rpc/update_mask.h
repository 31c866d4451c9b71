// Which fields of a resource an update changes (AIP-134), and what the change comes to.
//
//   Violations violations;
//   const FieldMask fields =
//       ReadUpdateMask(request.game(), request.update_mask(), SettableFields(), violations);
//   … other checks …
//   RETURN_IF_ERROR(violations.status());
//   const std::vector<std::string> changed = ApplyUpdate(request.game(), fields, game);
#pragma once

#include <google/protobuf/field_mask.pb.h>
#include <google/protobuf/message.h>

#include <string>
#include <vector>

#include "common/status/status.h"

namespace playmesh::rpc {

using google::protobuf::FieldMask;

// Those of the `changeable` fields, which are names of fields of `patch`, that an update with
// `mask` changes: the ones that it names, all for "*", and the ones that `patch` has when it is
// empty. Adds a violation of `update_mask` for each other path.
FieldMask ReadUpdateMask(const google::protobuf::Message& patch, const FieldMask& mask,
                         const FieldMask& changeable, Violations& violations);

// Gives `resource` the values of `patch` in `fields`, lists as a whole and empty ones where `patch`
// has none, and returns the names of those that are different now.
std::vector<std::string> ApplyUpdate(const google::protobuf::Message& patch,
                                     const FieldMask& fields, google::protobuf::Message& resource);

}  // namespace playmesh::rpc
