// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/json_patch.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api-bridge/http_error.h"

namespace glance::api {
namespace {

using Kind = AttributeEdit::Kind;

AttributeEdit only(const std::string& body, PatchDialect dialect = PatchDialect::v2_1) {
  const auto edits = parse_patch(body, dialect);
  EXPECT_EQ(edits.size(), 1U);
  return std::get<AttributeEdit>(edits.at(0));
}

struct Refusal {
  int status = 0;
  std::string text;
};

Refusal refusal(const std::string& body, PatchDialect dialect = PatchDialect::v2_1) {
  try {
    (void)parse_patch(body, dialect);
  } catch (const HttpError& error) {
    return {error.status(), error.what() + error.detail()};
  }
  return {};
}

std::string add(const std::string& pointer) {
  return R"([{"op":"add","path":")" + pointer + R"(","value":"x"}])";
}

TEST(PatchDialect, IsTheContentTypes) {
  EXPECT_EQ(patch_dialect("application/openstack-images-v2.1-json-patch"), PatchDialect::v2_1);
  EXPECT_EQ(patch_dialect("application/openstack-images-v2.1-json-patch; charset=utf-8"),
            PatchDialect::v2_1);
  EXPECT_EQ(patch_dialect("application/openstack-images-v2.0-json-patch"), PatchDialect::v2_0);
}

TEST(PatchDialect, OfOtherTypesIs415WithTheRightOnes) {
  for (const auto* type : {"", "application/json", "application/json-patch+json"}) {
    try {
      (void)patch_dialect(type);
      FAIL() << type;
    } catch (const HttpError& error) {
      EXPECT_EQ(error.status(), 415);
      EXPECT_THAT(error.headers(),
                  testing::ElementsAre(testing::Pair("Accept-Patch", std::string(kAcceptPatch))));
    }
  }
}

TEST(JsonPatch, OfNothingChangesNothing) {
  EXPECT_TRUE(parse_patch("[]", PatchDialect::v2_1).empty());
}

TEST(JsonPatch, AddOverwritesInTheNewDialectOnly) {
  EXPECT_EQ(only(R"([{"op":"add","path":"/x","value":"y"}])").kind, Kind::put);
  EXPECT_EQ(only(R"([{"add":"/x","value":"y"}])", PatchDialect::v2_0).kind, Kind::create);
}

TEST(JsonPatch, ReplaceNeedsAPropertyThatIsThere) {
  EXPECT_EQ(only(R"([{"op":"replace","path":"/x","value":"y"}])").kind, Kind::replace);
  EXPECT_EQ(only(R"([{"replace":"/x","value":"y"}])", PatchDialect::v2_0).kind, Kind::replace);
}

TEST(JsonPatch, RemoveNeedsNoValue) {
  const auto edit = only(R"([{"op":"remove","path":"/x","value":3}])");
  EXPECT_EQ(edit.kind, Kind::remove);
  EXPECT_EQ(edit.name, "x");
  EXPECT_EQ(only(R"([{"remove":"/x"}])", PatchDialect::v2_0).kind, Kind::remove);
}

TEST(JsonPatch, KeepsTheOrderOfOperations) {
  const auto edits = parse_patch(
      R"([{"op":"add","path":"/b","value":"1"},{"op":"remove","path":"/a"}])", PatchDialect::v2_1);
  ASSERT_EQ(edits.size(), 2U);
  EXPECT_EQ(edits[0].name, "b");
  EXPECT_EQ(edits[1].name, "a");
}

TEST(JsonPatch, PointersAreUnescaped) {
  EXPECT_EQ(only(add("/a~1b~0c~01")).name, "a/b~c~1");
  EXPECT_EQ(only(add("/")).name, "");
}

TEST(JsonPatch, PointersThatAreNoneAreRefused) {
  for (const auto* pointer : {"", "x", "//x", "/x//y", "/x/", "/x~2", "/x~", "/a/b", "/tags/-"}) {
    EXPECT_EQ(refusal(add(pointer)).status, 400) << pointer;
  }
  EXPECT_EQ(refusal(add("/a/b")).text, "Invalid JSON pointer for this resource: '/a/b'");
}

TEST(JsonPatch, ReadOnlyAttributesAreRefused) {
  for (const std::string name :
       {"created_at", "updated_at", "status", "checksum", "size", "virtual_size", "direct_url",
        "self", "file", "schema", "id", "os_hash_algo", "os_hash_value", "stores"}) {
    EXPECT_EQ(refusal(add("/" + name)).text, "Attribute '" + name + "' is read-only.");
    EXPECT_EQ(refusal(R"([{"op":"remove","path":"/)" + name + R"("}])").status, 403) << name;
  }
}

TEST(JsonPatch, ReservedAttributesAreRefused) {
  for (const std::string name : {"location", "deleted", "deleted_at", "os_glance_x"}) {
    EXPECT_EQ(refusal(add("/" + name)).text, "Attribute '" + name + "' is reserved.");
  }
}

TEST(JsonPatch, LocationsAreRefusedInAllForms) {
  for (const auto* pointer : {"/locations", "/locations/-", "/locations/0"}) {
    EXPECT_EQ(refusal(add(pointer)).status, 403) << pointer;
  }
}

TEST(JsonPatch, ValuesOfTheWrongTypeAreSchemaErrors) {
  const auto refused = refusal(R"([{"op":"replace","path":"/min_ram","value":"x"}])");
  EXPECT_EQ(refused.status, 400);
  EXPECT_THAT(refused.text, testing::StartsWith("Provided object does not match schema 'image'"));
}

TEST(JsonPatch, WhatIsNoPatchIsRefused) {
  for (const auto* body :
       {"", "{}", "3", "[3]", "[[]]", "[{}]", R"([{"op":"test","path":"/x"}])",
        R"([{"op":3,"path":"/x"}])", R"([{"op":"add","value":"x"}])",
        R"([{"op":"add","path":3,"value":"x"}])", R"([{"op":"add","path":"/x"}])"}) {
    EXPECT_EQ(refusal(body).status, 400) << body;
  }
}

TEST(JsonPatch, TheOldDialectWantsExactlyOneVerb) {
  for (const auto* body : {R"([{"value":"x"}])", R"([{"add":"/x","replace":"/y","value":"x"}])",
                           R"([{"op":"add","path":"/x","value":"x"}])", R"([{"add":"/x"}])"}) {
    EXPECT_EQ(refusal(body, PatchDialect::v2_0).status, 400) << body;
  }
}

}  // namespace
}  // namespace glance::api
