#include "services/notification/mail_queue.h"

#include <algorithm>

#include "common/base/random.h"
#include "common/log/log.h"
#include "common/observe/metrics.h"
#include "services/notification/texts.h"

namespace playmesh::notification {
namespace {

constexpr int kBatchSize = 20;
// After which another sender takes a mail over; longer than a task may run.
constexpr absl::Duration kLease = absl::Minutes(2);
constexpr absl::Duration kSendingTime = absl::Seconds(10);
constexpr absl::Duration kFirstRetryDelay = absl::Seconds(30);
constexpr absl::Duration kMaxRetryDelay = absl::Hours(1);
constexpr absl::Duration kRetention = absl::Hours(30 * 24);
constexpr int kForgetLimit = 10'000;

}  // namespace

absl::Duration RetryDelay(int attempt) {
  absl::Duration delay = kFirstRetryDelay;
  for (int i = 1; i < attempt && delay < kMaxRetryDelay; ++i) delay *= 2;
  return std::min(delay, kMaxRetryDelay);
}

absl::Status AddMail(Transaction& tx, absl::Time now, NotificationKind kind,
                     const std::string& user_id, const std::string& source_id,
                     const google::protobuf::Message& event) {
  const std::string payload = event.SerializeAsString();
  return AsStatus(tx.Execute(
      R"(
      insert into emails (email_id, kind, user_id, event, due_time, create_time)
      values (:email_id, :kind, :user_id, :event, :now, :now)
      on conflict do nothing)",
      DerivedUuid(source_id, NotificationKind_Name(kind)), kind, user_id, db::Bytes{payload}, now));
}

absl::Status MailQueue::SendDue(MailSender& sender) {
  const absl::Time stop = clock_.Now() + kSendingTime;
  while (true) {
    ASSIGN_OR_RETURN(const std::vector<DueMail> mails, Lease());
    if (mails.empty()) return absl::OkStatus();
    const absl::StatusOr<Contacts> contacts = FindContacts(mails);
    for (size_t i = 0; i < mails.size(); ++i) {
      if (clock_.Now() >= stop) {
        std::vector<std::string> rest;
        for (; i < mails.size(); ++i) rest.push_back(mails[i].email_id);
        return Release(std::move(rest));
      }
      RETURN_IF_ERROR(
          Settle(mails[i], contacts.ok() ? Send(sender, mails[i], *contacts) : contacts.status()));
    }
  }
}

absl::StatusOr<std::vector<MailQueue::DueMail>> MailQueue::Lease() {
  using Row = std::tuple<std::string, std::string, std::string, db::Blob, int64_t, absl::Time>;
  ASSIGN_OR_RETURN(auto rows, db_.Transact([&](Transaction& tx) {
    return tx.Query<Row>(R"(
        with due as materialized (
          select email_id from emails
          where state = 'queued' and due_time <= :now
          order by due_time limit :limit for update skip locked
        )
        update emails set due_time = :lease_end, attempts = attempts + 1
        from due where emails.email_id = due.email_id
        returning emails.email_id, upper(kind), user_id, event, attempts, create_time)",
                         clock_.Now(), kBatchSize, clock_.Now() + kLease);
  }));
  std::vector<DueMail> mails;
  for (auto& [email_id, kind_name, user_id, event, attempts, create_time] : rows) {
    NotificationKind kind = NOTIFICATION_KIND_UNSPECIFIED;
    NotificationKind_Parse("NOTIFICATION_KIND_" + kind_name, &kind);
    mails.push_back(
        {email_id, kind, user_id, std::move(event.data), static_cast<int>(attempts), create_time});
  }
  return mails;
}

// Users who are gone are left out. Whatever keeps identity from answering is no fault of the mails,
// so they wait.
absl::StatusOr<MailQueue::Contacts> MailQueue::FindContacts(const std::vector<DueMail>& mails) {
  identity::BatchGetContactsRequest request;
  for (const DueMail& mail : mails) request.add_user_ids(mail.user_id);
  auto response = identity_.BatchGetContacts(request);
  if (!response.ok()) return absl::UnavailableError("identity gives no addresses");
  Contacts contacts;
  for (auto& contact : *response->mutable_contacts()) {
    contacts[contact.user_id()] = std::move(contact);
  }
  return contacts;
}

// NOT_FOUND when there is nobody to send it to.
absl::Status MailQueue::Send(MailSender& sender, const DueMail& mail, const Contacts& contacts) {
  auto contact = contacts.find(mail.user_id);
  if (contact == contacts.end() || contact->second.email().empty()) {
    return absl::NotFoundError("the user is gone");
  }
  ASSIGN_OR_RETURN(MailText text, RenderMail(mail.kind, mail.event, contact->second));
  return sender.Send({mail.email_id, contact->second.email(), std::move(text.subject),
                      std::move(text.body), mail.create_time});
}

absl::Status MailQueue::Settle(const DueMail& mail, const absl::Status& outcome) {
  static auto& sent = observe::Counter("mails_total", "E-mails done with.", {{"state", "sent"}});
  static auto& failed =
      observe::Counter("mails_total", "E-mails done with.", {{"state", "failed"}});
  static auto& retried = observe::Counter("mails_retried_total", "Attempts put off until later.");
  if (outcome.ok()) {
    sent.Increment();
    return Finish(mail, "sent", "");
  }
  if (absl::IsNotFound(outcome)) return Finish(mail, "dropped", outcome.message());
  if (IsTransient(outcome) && mail.attempts < kMaxMailAttempts) {
    retried.Increment();
    return TryLater(mail, outcome.message());
  }
  failed.Increment();
  log::Warning("mail failed", {{"email_id", mail.email_id}, {"error", outcome}});
  return Finish(mail, "failed", outcome.message());
}

absl::Status MailQueue::Finish(const DueMail& mail, absl::string_view state,
                               absl::string_view failure) {
  return AsStatus(db_.Transact([&](Transaction& tx) {
    return tx.Execute(R"(
        update emails set state = :state, failure = :failure, finish_time = :now, user_id = null,
                          event = null
        where email_id = :email_id and state = 'queued')",
                      state, db::NullIfEmpty(failure), clock_.Now(), mail.email_id);
  }));
}

// Changes nothing when the lease ran out and another sender has begun a later attempt.
absl::Status MailQueue::TryLater(const DueMail& mail, absl::string_view failure) {
  return AsStatus(db_.Transact([&](Transaction& tx) {
    return tx.Execute(R"(
        update emails set due_time = :due_time, failure = :failure
        where email_id = :email_id and state = 'queued' and attempts = :attempts)",
                      clock_.Now() + RetryDelay(mail.attempts), failure, mail.email_id,
                      mail.attempts);
  }));
}

// Hands back mails that were not tried.
absl::Status MailQueue::Release(std::vector<std::string> email_ids) {
  return AsStatus(db_.Transact([&](Transaction& tx) {
    return tx.Execute(R"(
        update emails set due_time = :now, attempts = attempts - 1
        where email_id = any(:email_ids::uuid[]) and state = 'queued')",
                      clock_.Now(), email_ids);
  }));
}

absl::Status MailQueue::ForgetOld() {
  return AsStatus(db_.Transact([&](Transaction& tx) {
    return tx.Execute(R"(
        delete from emails where email_id in (
          select email_id from emails
          where state <> 'queued' and finish_time < :before
          order by finish_time limit :limit))",
                      clock_.Now() - kRetention, kForgetLimit);
  }));
}

}  // namespace playmesh::notification
