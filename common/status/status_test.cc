#include "common/status/status.h"

#include <catch2/catch.hpp>

#include "common/rpc/convert.h"
#include "google/rpc/status.pb.h"

namespace playmesh {

TEST_CASE("A reason survives the way to gRPC and back") {
  const absl::Status status =
      ErrorWithReason(absl::StatusCode::kFailedPrecondition, "CART_EMPTY", "the cart is empty");
  const absl::Status back = rpc::FromGrpc(rpc::ToGrpc(status));
  CHECK(back == status);
  CHECK(ReasonOf(back) == "CART_EMPTY");
}

TEST_CASE("Internal errors tell a caller nothing") {
  const grpc::Status status = rpc::ToGrpc(absl::InternalError("relation secrets does not exist"));
  CHECK(status.error_code() == grpc::StatusCode::INTERNAL);
  CHECK(status.error_message() == "internal error");
  CHECK(status.error_details().empty());
}

TEST_CASE("InvalidFields names the fields in the message and in the details") {
  const absl::Status status = InvalidField("game.texts[0].title", "is required");
  CHECK(status.message() == "game.texts[0].title: is required");
  google::rpc::Status details;
  REQUIRE(details.ParseFromString(rpc::ToGrpc(status).error_details()));
  google::rpc::BadRequest bad_request;
  REQUIRE(details.details(0).UnpackTo(&bad_request));
  CHECK(bad_request.field_violations(0).field() == "game.texts[0].title");
}

TEST_CASE("RetryLater carries the delay") {
  google::rpc::Status details;
  REQUIRE(details.ParseFromString(rpc::ToGrpc(RetryLater(absl::StatusCode::kResourceExhausted,
                                                         absl::Milliseconds(1250), "busy"))
                                      .error_details()));
  google::rpc::RetryInfo info;
  REQUIRE(details.details(0).UnpackTo(&info));
  CHECK(info.retry_delay().seconds() == 1);
  CHECK(info.retry_delay().nanos() == 250'000'000);
}

}  // namespace playmesh
