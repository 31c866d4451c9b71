#include "common/rpc/update_mask.h"

#include <catch2/catch.hpp>

#include "playmesh/testing/v1/testing_service.pb.h"

namespace playmesh::rpc {
namespace {

using playmesh::testing::v1::Thing;
using Names = std::vector<std::string>;

FieldMask Mask(const Names& paths) {
  FieldMask mask;
  for (const std::string& path : paths) mask.add_paths(path);
  return mask;
}

// All that can be changed of a thing, for these tests.
const FieldMask& Changeable() {
  static const auto* mask = new FieldMask(Mask({"name", "price", "tags", "count"}));
  return *mask;
}

Names FieldsToChange(const Thing& patch, const Names& paths) {
  Violations violations;
  const FieldMask fields = ReadUpdateMask(patch, Mask(paths), Changeable(), violations);
  CHECK(violations.status().ok());
  return {fields.paths().begin(), fields.paths().end()};
}

Thing Lamp() {
  Thing thing;
  thing.set_thing_id("0190163d-8694-739b-aea5-966c26f8ad91");
  thing.set_name("lamp");
  thing.mutable_price()->set_currency_code("EUR");
  thing.mutable_price()->set_units_minor(1999);
  thing.add_tags("light");
  thing.set_flag(true);
  return thing;
}

}  // namespace

TEST_CASE("An update changes the fields that its mask names, each once") {
  CHECK(FieldsToChange(Thing(), {"name", "count"}) == Names{"name", "count"});
  CHECK(FieldsToChange(Lamp(), {"tags", "tags"}) == Names{"tags"});
}

TEST_CASE("An update without a mask changes what is set and can be changed") {
  CHECK(FieldsToChange(Lamp(), {}) == Names{"name", "price", "tags"});
  CHECK(FieldsToChange(Thing(), {}).empty());
}

TEST_CASE("An update with the mask * changes all that can be changed") {
  CHECK(FieldsToChange(Thing(), {"*"}) == Names{"name", "price", "tags", "count"});
}

TEST_CASE("An update mask names every path that cannot be changed, beside what else is wrong") {
  Violations violations;
  violations.Add("thing.name", "is required");
  const FieldMask mask = Mask({"name", "flag", "thing_id", "weight", "price.units_minor", "", "*"});
  ReadUpdateMask(Lamp(), mask, Changeable(), violations);
  const absl::Status status = violations.status();
  CHECK(absl::IsInvalidArgument(status));
  CHECK(status.message() ==
        "thing.name: is required; update_mask: flag cannot be changed; update_mask: thing_id "
        "cannot be changed; update_mask: weight is no field of Thing; update_mask: "
        "price.units_minor is no field of Thing; and 2 more");
}

TEST_CASE("ApplyUpdate names only what is different afterwards") {
  Thing thing = Lamp();
  Thing patch = Lamp();
  patch.set_name("torch");
  CHECK(ApplyUpdate(patch, Mask({"name", "price", "tags"}), thing) == Names{"name"});
  CHECK(thing.name() == "torch");
  CHECK(ApplyUpdate(patch, Mask({"name", "price", "tags"}), thing).empty());
}

TEST_CASE("ApplyUpdate replaces lists and messages as a whole and empties what is not set") {
  Thing thing = Lamp();
  Thing patch;
  patch.add_tags("dark");
  patch.mutable_price()->set_units_minor(500);
  CHECK(ApplyUpdate(patch, Mask({"name", "price", "tags", "count"}), thing) ==
        Names{"name", "price", "tags"});
  CHECK(thing.name().empty());
  CHECK(thing.price().DebugString() == patch.price().DebugString());
  REQUIRE(thing.tags_size() == 1);
  CHECK(thing.tags(0) == "dark");
  CHECK(thing.flag());
}

}  // namespace playmesh::rpc
