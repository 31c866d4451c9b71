// What each role allows.
#pragma once

#include <google/protobuf/repeated_field.h>

#include <string>
#include <vector>

namespace playmesh::identity {

// The permissions of somebody with these values of `Role`, each once, in alphabetical order.
std::vector<std::string> PermissionsOf(const google::protobuf::RepeatedField<int>& roles);

}  // namespace playmesh::identity
