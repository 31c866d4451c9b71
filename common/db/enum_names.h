// How proto enums are named in SQL: shared by parameters and rows.
#pragma once

#include <google/protobuf/descriptor.h>

#include <string>

namespace playmesh::db {

// What the names of an enum's values begin with (buf's ENUM_VALUE_PREFIX rule): "GAME_STATE_" for
// GameState.
std::string EnumPrefix(const google::protobuf::EnumDescriptor* type);

}  // namespace playmesh::db
