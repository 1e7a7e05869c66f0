// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "catalog/database/database.h"
#include "tests/unit/support/catalog_fixture.h"

namespace glance {
namespace {

using test::error_of;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

const Caller kOwner = {.project = "owner", .roles = {"member", "reader"}};
const Caller kFriend = {.project = "friend", .roles = {"member", "reader"}};
const Caller kOther = {.project = "other", .roles = {"member", "reader"}};
const Caller kNobody = {.roles = {"reader"}};

class Sharing : public test::CatalogFixture {
 protected:
  Image add_as(const Caller& caller, const std::string& name,
               Visibility visibility = Visibility::shared) const {
    return catalog_->add(caller, {.name = name, .visibility = visibility});
  }

  [[nodiscard]] std::vector<std::string> members(const Caller& caller, const ImageId& id) const {
    std::vector<std::string> names;
    for (const auto& member : catalog_->members(caller, id)) names.push_back(member.member);
    return names;
  }

  [[nodiscard]] std::vector<std::string> names(const Caller& caller,
                                               const ImageQuery& query = {}) const {
    std::vector<std::string> names;
    for (const auto& image : catalog_->list(caller, query)) names.push_back(*image.name);
    return names;
  }

  const Image image_ = add_as(kOwner, "shared");
};

TEST_F(Sharing, MembersSeeOnlyThemselvesAndOthersNothing) {
  catalog_->add_member(kOwner, image_.id, "friend");
  catalog_->add_member(kOwner, image_.id, "third");
  EXPECT_THAT(members(kOwner, image_.id), ElementsAre("friend", "third"));
  EXPECT_THAT(members(caller_, image_.id), ElementsAre("friend", "third"));
  EXPECT_THAT(members(kFriend, image_.id), ElementsAre("friend"));
  EXPECT_EQ(error_of([&] { return members(kOther, image_.id); }), Errc::not_found);
  EXPECT_EQ(catalog_->member(kFriend, image_.id, "friend").status, MemberStatus::pending);
  EXPECT_EQ(error_of([&] { return catalog_->member(kFriend, image_.id, "third"); }),
            Errc::not_found);
}

TEST_F(Sharing, OpensTheImageByIdWhateverTheAnswer) {
  EXPECT_FALSE(catalog_->find(kFriend, image_.id));
  catalog_->add_member(kOwner, image_.id, "friend");
  EXPECT_TRUE(catalog_->find(kFriend, image_.id));
  catalog_->set_member_status(kFriend, image_.id, "friend", MemberStatus::rejected);
  EXPECT_TRUE(catalog_->find(kFriend, image_.id));
  EXPECT_FALSE(catalog_->find(kOther, image_.id));
  EXPECT_FALSE(catalog_->find(kNobody, image_.id));
  EXPECT_EQ(error_of([&] { return catalog_->update(kFriend, image_.id, {}); }), Errc::forbidden);
  EXPECT_EQ(error_of([&] { return catalog_->update(kOther, image_.id, {}); }), Errc::not_found);
}

TEST_F(Sharing, ListsByTheMembersAnswer) {
  catalog_->add_member(kOwner, image_.id, "friend");
  const ImageQuery accepted{.membership = MemberStatus::accepted};
  EXPECT_THAT(names(kFriend, accepted), IsEmpty());
  EXPECT_THAT(names(kFriend, {.membership = MemberStatus::pending}), ElementsAre("shared"));
  EXPECT_THAT(names(kFriend), ElementsAre("shared"));
  catalog_->set_member_status(kFriend, image_.id, "friend", MemberStatus::accepted);
  EXPECT_THAT(names(kFriend, accepted), ElementsAre("shared"));
  EXPECT_THAT(names(kOwner, accepted), ElementsAre("shared"));
  EXPECT_THAT(names(kOther), IsEmpty());
}

TEST_F(Sharing, TheOwnerOffersAndTheMemberAnswers) {
  EXPECT_EQ(error_of([&] { return catalog_->add_member(kOther, image_.id, "x"); }),
            Errc::not_found);
  catalog_->add_member(kOwner, image_.id, "friend");
  EXPECT_EQ(error_of([&] { return catalog_->add_member(kFriend, image_.id, "x"); }),
            Errc::forbidden);
  EXPECT_EQ(error_of([&] { return catalog_->add_member(kOwner, image_.id, "friend"); }),
            Errc::exists);
  const auto answer = [&](const Caller& caller) {
    return catalog_->set_member_status(caller, image_.id, "friend", MemberStatus::accepted).status;
  };
  EXPECT_EQ(error_of([&] { return answer(kOwner); }), Errc::forbidden);
  EXPECT_EQ(answer(kFriend), MemberStatus::accepted);
  EXPECT_EQ(answer(caller_), MemberStatus::accepted);
  EXPECT_EQ(error_of([&] {
              catalog_->remove_member(kFriend, image_.id, "friend");
              return 0;
            }),
            Errc::forbidden);
  catalog_->remove_member(kOwner, image_.id, "friend");
  EXPECT_FALSE(catalog_->find(kFriend, image_.id));
  EXPECT_EQ(catalog_->add_member(kOwner, image_.id, "friend").status, MemberStatus::pending);
}

TEST_F(Sharing, AMemberThatComesBackTakesItsRowAgain) {
  catalog_->add_member(kOwner, image_.id, "friend");
  catalog_->remove_member(kOwner, image_.id, "friend");
  catalog_->add_member(kOwner, image_.id, "friend");
  Database database(database_url(), false);
  const auto rows = database.read([](Session& sql) {
    int count = 0;
    sql << "SELECT COUNT(*) FROM image_members", soci::into(count);
    return count;
  });
  EXPECT_EQ(rows, 1);
}

TEST_F(Sharing, NeedsASharedImage) {
  const Image open = add_as(kOwner, "open", Visibility::community);
  EXPECT_EQ(error_of([&] { return members(kOwner, open.id); }), Errc::forbidden);
  EXPECT_EQ(error_of([&] { return catalog_->add_member(kOwner, open.id, "friend"); }),
            Errc::forbidden);
  EXPECT_EQ(error_of([&] { return catalog_->member(kOwner, open.id, "friend"); }), Errc::not_found);
}

TEST_F(Sharing, EndsWhenTheImageTurnsPrivateAndComesBackWithIt) {
  catalog_->add_member(kOwner, image_.id, "friend");
  const auto turn = [&](const char* visibility) {
    const std::vector<AttributeEdit> edits = {
        {.name = "visibility", .value = std::string(visibility)}};
    catalog_->update(kOwner, image_.id, edits);
  };
  turn("private");
  EXPECT_FALSE(catalog_->find(kFriend, image_.id));
  EXPECT_THAT(names(kFriend), IsEmpty());
  turn("shared");
  EXPECT_TRUE(catalog_->find(kFriend, image_.id));
}

TEST_F(Sharing, TakesProjectIdsOfUpTo255Characters) {
  EXPECT_EQ(error_of([&] { return catalog_->add_member(kOwner, image_.id, ""); }), Errc::invalid);
  EXPECT_EQ(
      error_of([&] { return catalog_->add_member(kOwner, image_.id, std::string(256, 'm')); }),
      Errc::invalid);
  EXPECT_EQ(error_of([&] { return catalog_->add_member(kOwner, image_.id, "\xF0\x9F\x98\x80"); }),
            Errc::invalid);
  EXPECT_EQ(catalog_->add_member(kOwner, image_.id, std::string(255, 'm')).member.size(), 255U);
}

TEST_F(Sharing, HasAQuota) {
  for (int i = 0; i < 128; ++i) catalog_->add_member(kOwner, image_.id, std::to_string(i));
  EXPECT_EQ(error_of([&] { return catalog_->add_member(kOwner, image_.id, "one more"); }),
            Errc::over_quota);
}

TEST_F(Sharing, ListsFollowVisibilityForEveryCaller) {
  add_as(kOwner, "private", Visibility::private_);
  add_as(caller_, "public", Visibility::public_);
  add_as(kOwner, "community", Visibility::community);
  add_as(kOther, "other", Visibility::private_);
  EXPECT_THAT(names(kOwner), UnorderedElementsAre("shared", "private", "public", "community"));
  EXPECT_THAT(names(kOther), UnorderedElementsAre("other", "public", "community"));
  EXPECT_THAT(names(kNobody), UnorderedElementsAre("public", "community"));
  EXPECT_THAT(names(caller_),
              UnorderedElementsAre("shared", "private", "public", "community", "other"));

  const ImageQuery usual{.foreign_community = false};
  EXPECT_THAT(names(kOwner, usual),
              UnorderedElementsAre("shared", "private", "public", "community"));
  EXPECT_THAT(names(kOther, usual), UnorderedElementsAre("other", "public"));
  EXPECT_THAT(names(caller_, usual), UnorderedElementsAre("shared", "private", "public", "other"));

  EXPECT_THAT(names(kOther, {.visibility = Visibility::community}), ElementsAre("community"));
  EXPECT_THAT(names(kOther, {.visibility = Visibility::private_}), ElementsAre("other"));
  EXPECT_THAT(names(kOther, {.visibility = Visibility::shared}), IsEmpty());
}

TEST_F(Sharing, AMarkerThatTheCallerMayNotSeeIsAsGoodAsNone) {
  EXPECT_EQ(error_of([&] { return names(kOther, {.marker = image_.id}); }), Errc::invalid);
  EXPECT_THAT(names(kOwner, {.marker = image_.id}), IsEmpty());
}

TEST_F(Sharing, ADeletedMarkerKeepsItsPlaceForWhoCouldSeeIt) {
  add_as(caller_, "older", Visibility::public_);
  const auto marker = add_as(kOwner, "marker");
  add_as(caller_, "newer", Visibility::public_);
  catalog_->add_member(kOwner, marker.id, "friend");
  catalog_->add_member(kOwner, marker.id, "third");
  catalog_->remove_member(kOwner, marker.id, "third");
  catalog_->remove(kOwner, marker.id, {});
  const ImageQuery query{.marker = marker.id};
  EXPECT_THAT(names(kOwner, query), ElementsAre("older", "shared"));
  EXPECT_THAT(names(kFriend, query), ElementsAre("older"));
  EXPECT_THAT(names(caller_, query), ElementsAre("older", "shared"));
  EXPECT_EQ(error_of([&] { return names(kOther, query); }), Errc::invalid);
  const Caller third{.project = "third", .roles = {"member"}};
  EXPECT_EQ(error_of([&] { return names(third, query); }), Errc::invalid);
  for (const auto column : {ImageColumn::status, ImageColumn::updated_at}) {
    auto moved = query;
    moved.sort = {{column, true}};
    EXPECT_EQ(error_of([&] { return names(kOwner, moved); }), Errc::invalid);
  }
}

TEST_F(Sharing, AProjectFindsItsImagesAmongMany) {
  for (int i = 0; i < 1100; ++i) add_as(caller_, "other" + std::to_string(i), Visibility::public_);
  // Too many public images to be looked at one by one: the list is walked.
  EXPECT_THAT(catalog_->list(kOwner, {}).size(), 1101U);
  EXPECT_THAT(names(kOwner, {.filters = {{ImageColumn::owner, {"owner"}}}}), ElementsAre("shared"));
  ImageQuery query{.sort = {{ImageColumn::name, false}}, .ties_descending = false, .limit = 100};
  std::size_t count = 0;
  for (auto page = catalog_->list(kOwner, query); !page.empty();
       page = catalog_->list(kOwner, query)) {
    count += page.size();
    query.marker = page.back().id;
  }
  EXPECT_EQ(count, 1101U);
}

}  // namespace
}  // namespace glance
