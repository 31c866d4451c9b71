#include "services/notification/notification_service.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/random.h"
#include "common/rpc/pages.h"
#include "common/service/platform.h"
#include "common/testing/testing.h"
#include "services/notification/stream_recorder.h"

namespace playmesh::notification {
namespace {

struct InboxTest {
  // Puts `count` notifications into an inbox, one a millisecond.
  void Fill(const Caller& owner, int count) {
    for (int i = 0; i < count; ++i) {
      REQUIRE(database
                  .Execute(R"(
                      insert into notifications (user_id, notification_id, kind, source_id, title,
                                                 body, order_id, create_time)
                      values (:user_id, :id, 'purchase_completed', :id, :title, 'body', :id, :now))",
                           owner.user_id, NewUuid(clock.Now()), absl::StrCat(i), clock.Now())
                  .ok());
      clock.Advance(absl::Milliseconds(1));
    }
  }

  ListNotificationsResponse List(const Caller& caller,
                                 const ListNotificationsRequest& request = {}) {
    auto response = service.ListNotifications(caller, request);
    REQUIRE(response.ok());
    return *std::move(response);
  }

  int MarkRead(const Caller& caller, const std::vector<std::string>& ids) {
    MarkNotificationsReadRequest request;
    request.mutable_notification_ids()->Assign(ids.begin(), ids.end());
    auto response = service.MarkNotificationsRead(caller, request);
    REQUIRE(response.ok());
    return response->unread_count();
  }

  testing::TestDatabase database{ServiceMigrations()};
  testing::FakeClock clock;
  NotificationService service{{database.db(), clock}};
  const Caller ada = testing::UserCaller(NewUuid(clock.Now()));
  const Caller bob = testing::UserCaller(NewUuid(clock.Now()));
};

TEST_CASE_METHOD(InboxTest, "ListNotifications shows the caller's notifications, latest first") {
  Fill(ada, 3);
  Fill(bob, 1);
  const auto inbox = List(ada);
  REQUIRE(inbox.notifications_size() == 3);
  CHECK(inbox.unread_count() == 3);
  CHECK(inbox.next_page_token().empty());
  const Notification& latest = inbox.notifications(0);
  CHECK(latest.title() == "2");
  CHECK(latest.kind() == NOTIFICATION_KIND_PURCHASE_COMPLETED);
  CHECK(latest.body() == "body");
  CHECK(IsUuid(latest.order_id()));
  CHECK(latest.game_id().empty());
  CHECK(latest.has_create_time());
  CHECK_FALSE(latest.has_read_time());
}

TEST_CASE_METHOD(InboxTest, "ListNotifications pages without gap or repetition while more come") {
  Fill(ada, 10);
  ListNotificationsRequest request;
  request.set_page_size(3);
  std::vector<std::string> titles;
  do {
    const auto page = List(ada, request);
    CHECK(page.notifications_size() <= 3);
    for (const auto& notification : page.notifications()) titles.push_back(notification.title());
    request.set_page_token(page.next_page_token());
    Fill(ada, 1);
  } while (!request.page_token().empty());
  CHECK(titles == std::vector<std::string>{"9", "8", "7", "6", "5", "4", "3", "2", "1", "0"});
}

TEST_CASE_METHOD(InboxTest, "ListNotifications refuses page tokens of other lists") {
  ListNotificationsRequest request;
  request.set_page_token(rpc::PageToken(request, {"x"}));
  CHECK(absl::IsInvalidArgument(service.ListNotifications(ada, request).status()));
  request.set_page_token(rpc::PageToken(request, {NewUuid(clock.Now())}));
  request.set_unread_only(true);
  CHECK(absl::IsInvalidArgument(service.ListNotifications(ada, request).status()));
}

TEST_CASE_METHOD(InboxTest, "MarkNotificationsRead takes notifications off the unread, once") {
  Fill(ada, 3);
  const auto inbox = List(ada);
  const std::string id = inbox.notifications(1).notification_id();
  const absl::Time read_at = clock.Now();
  CHECK(MarkRead(ada, {id}) == 2);
  clock.Advance(absl::Minutes(1));
  CHECK(MarkRead(ada, {id, NewUuid(clock.Now())}) == 2);

  ListNotificationsRequest unread;
  unread.set_unread_only(true);
  CHECK(List(ada, unread).notifications_size() == 2);
  const Notification read = List(ada).notifications(1);
  CHECK(read.notification_id() == id);
  CHECK(FromTimestamp(read.read_time()) == read_at);
}

TEST_CASE_METHOD(InboxTest, "MarkNotificationsRead leaves notifications of others alone") {
  Fill(ada, 2);
  const auto inbox = List(ada);
  CHECK(MarkRead(bob, {inbox.notifications(0).notification_id()}) == 0);
  CHECK(List(ada).unread_count() == 2);
  CHECK_FALSE(List(ada).notifications(0).has_read_time());
}

TEST_CASE_METHOD(InboxTest, "The unread are counted up to 1,000") {
  REQUIRE(database
              .Execute(R"(
                  insert into notifications (user_id, notification_id, kind, source_id, title, body,
                                             create_time)
                  select :user_id, uuid_v7(:now), 'game_updated', gen_random_uuid(), 'title', 'body',
                         :now
                  from generate_series(1, 1010))",
                       ada.user_id, clock.Now())
              .ok());
  const auto inbox = List(ada);
  CHECK(inbox.unread_count() == 1000);
  CHECK(MarkRead(ada, {inbox.notifications(0).notification_id()}) == 1000);
}

TEST_CASE_METHOD(InboxTest, "Ids that SQL makes are UUIDv7 of their time") {
  const auto ids = database.Query<std::string>("select uuid_v7(:now) from generate_series(1, 1000)",
                                               clock.Now());
  CHECK(std::set<std::string>(ids.begin(), ids.end()).size() == 1000);
  // 48 bits of milliseconds, the version, and the variant.
  std::string time = absl::StrFormat("%012x", absl::ToUnixMillis(clock.Now()));
  const std::string start = time.insert(8, "-") + "-7";
  CHECK(std::all_of(ids.begin(), ids.end(), [&](const std::string& id) {
    return absl::StartsWith(id, start) && absl::StrContains("89ab", id[19]);
  }));
}

TEST_CASE_METHOD(InboxTest, "WatchNotifications refuses cursors that are none") {
  WatchNotificationsRequest request;
  request.set_cursor("yesterday");
  auto sink = std::make_shared<StreamRecorder>();
  const absl::Status status =
      service.WatchNotifications(ada, request, rpc::ServerStream<WatchNotificationsResponse>(sink));
  CHECK(absl::IsInvalidArgument(status));
  CHECK(sink->size() == 0);
}

TEST_CASE_METHOD(InboxTest, "WatchNotifications shows what comes, as ListNotifications does") {
  auto sink = std::make_shared<StreamRecorder>();
  REQUIRE(service.WatchNotifications(ada, {}, rpc::ServerStream<WatchNotificationsResponse>(sink))
              .ok());
  Fill(bob, 1);
  Fill(ada, 1);
  REQUIRE(testing::Eventually([&] { return sink->size() == 2; }));
  CHECK(sink->messages()[1].notification().SerializeAsString() ==
        List(ada).notifications(0).SerializeAsString());
}

}  // namespace
}  // namespace playmesh::notification
