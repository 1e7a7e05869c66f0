// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/handlers/image_request.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api-bridge/wire/http_error.h"

namespace glance::api {
namespace {

struct Refusal {
  int status = 0;
  std::string text;
};

Refusal refusal(const std::string& body) {
  try {
    (void)parse_image_draft(body);
  } catch (const HttpError& error) {
    return {error.status(), error.what()};
  }
  return {};
}

TEST(ImageDraft, MayBeEmpty) {
  const auto draft = parse_image_draft("{}");
  EXPECT_FALSE(draft.id);
  EXPECT_FALSE(draft.name);
  EXPECT_EQ(draft.visibility, Visibility::shared);
  EXPECT_TRUE(draft.properties.empty());
}

TEST(ImageDraft, TakesEveryAttributeThatUsersMaySet) {
  const auto draft = parse_image_draft(R"({
      "id": "B04477D0-1111-4111-8111-111111111111", "name": "noble", "visibility": "public",
      "protected": true, "os_hidden": true, "owner": "p1", "disk_format": "qcow2",
      "container_format": "bare", "min_disk": 3, "min_ram": 512, "tags": ["a", "b"]})");
  EXPECT_EQ(draft.id->text(), "B04477D0-1111-4111-8111-111111111111");
  EXPECT_EQ(draft.name, "noble");
  EXPECT_EQ(draft.visibility, Visibility::public_);
  EXPECT_TRUE(draft.is_protected);
  EXPECT_TRUE(draft.os_hidden);
  EXPECT_EQ(draft.owner, "p1");
  EXPECT_EQ(draft.disk_format, "qcow2");
  EXPECT_EQ(draft.container_format, "bare");
  EXPECT_EQ(draft.min_disk, 3);
  EXPECT_EQ(draft.min_ram, 512);
  EXPECT_THAT(draft.tags, testing::ElementsAre("a", "b"));
}

TEST(ImageDraft, TakesOtherKeysForProperties) {
  const auto draft = parse_image_draft(R"({"os_distro": "debian", "is_public": "true", "": "x"})");
  EXPECT_THAT(draft.properties,
              testing::ElementsAre(testing::Pair("", "x"), testing::Pair("is_public", "true"),
                                   testing::Pair("os_distro", "debian")));
}

TEST(ImageDraft, IgnoresDigestsOfTheUser) {
  const auto draft = parse_image_draft(R"({"os_hash_algo": "sha512", "os_hash_value": "00"})");
  EXPECT_TRUE(draft.properties.empty());
}

TEST(ImageDraft, RefusesReadOnlyAttributes) {
  for (const std::string name : {"status", "size", "virtual_size", "checksum", "created_at",
                                 "updated_at", "direct_url", "self", "file", "schema", "stores"}) {
    const auto refused = refusal(R"({")" + name + R"(": "x"})");
    EXPECT_EQ(refused.status, 403) << name;
    EXPECT_EQ(refused.text, "Attribute '" + name + "' is read-only.");
  }
}

TEST(ImageDraft, RefusesReservedAttributes) {
  for (const std::string name :
       {"location", "locations", "deleted", "deleted_at", "os_glance", "os_glance_import_task"}) {
    const auto refused = refusal(R"({")" + name + R"(": "x"})");
    EXPECT_EQ(refused.status, 403) << name;
    EXPECT_EQ(refused.text, "Attribute '" + name + "' is reserved.");
  }
}

TEST(ImageDraft, RefusesValuesOfTheWrongKind) {
  for (const auto* body :
       {R"({"name": 3})", R"({"foo": 3})", R"({"tags": [3]})", R"({"protected": "yes"})",
        R"({"min_ram": 3.5})", R"({"id": "zz"})", R"({"visibility": "everybody"})"}) {
    const auto refused = refusal(body);
    EXPECT_EQ(refused.status, 400) << body;
    EXPECT_THAT(refused.text,
                testing::StartsWith("Provided object does not match schema 'image': "));
  }
}

TEST(ImageDraft, RefusesSizesOutOfRange) {
  EXPECT_EQ(refusal(R"({"min_ram": -1})").text,
            "Invalid value '-1' for parameter 'min_ram': Cannot be a negative value");
  EXPECT_EQ(refusal(R"({"min_disk": 2147483648})").status, 400);
  EXPECT_EQ(refusal(R"({"min_disk": 2147483647})").status, 0);
}

TEST(ImageDraft, RefusesLists) {
  EXPECT_EQ(refusal("[]").status, 400);
}

}  // namespace
}  // namespace glance::api
