// Checks requests against the field rules of their contract (playmesh.options.v1.field).
#pragma once

#include <google/protobuf/message.h>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace playmesh::rpc {

// INVALID_ARGUMENT with every violation by the path of its field ("game.texts[0].title"), or OK.
// Defaults hold for fields without rules; see FieldRules.
absl::Status Validate(const google::protobuf::Message& message);

// Parses `bytes` into `message`. INVALID_ARGUMENT that names each string field that is not UTF-8,
// or says that the bytes are no message at all.
absl::Status Parse(absl::string_view bytes, google::protobuf::Message& message);

}  // namespace playmesh::rpc
