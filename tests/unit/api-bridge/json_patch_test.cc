// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/handlers/json_patch.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api-bridge/wire/http_error.h"

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
  EXPECT_EQ(std::get<AttributeEdit>(edits[0]).name, "b");
  EXPECT_EQ(std::get<AttributeEdit>(edits[1]).name, "a");
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

LocationEdit location_of(const std::string& body, PatchDialect dialect = PatchDialect::v2_1) {
  const auto edits = parse_patch(body, dialect);
  EXPECT_EQ(edits.size(), 1U);
  return std::get<LocationEdit>(edits.at(0));
}

TEST(JsonPatch, LocationsAreAddedAndRemovedOneByOneAndReplacedTogether) {
  const std::string value = R"({"url": "file:///x", "metadata": {"b": [1, null], "a": "y"}})";
  auto edit = location_of(R"([{"op":"add","path":"/locations/-","value":)" + value + "}]");
  EXPECT_EQ(edit.kind, LocationEdit::Kind::add);
  EXPECT_EQ(edit.position, "-");
  ASSERT_EQ(edit.locations.size(), 1U);
  EXPECT_EQ(edit.locations[0].location.url, "file:///x");
  EXPECT_EQ(edit.locations[0].location.metadata, R"({"a": "y", "b": [1, null]})");
  EXPECT_FALSE(edit.locations[0].validation);

  edit = location_of(R"([{"op":"remove","path":"/locations/3"}])");
  EXPECT_EQ(edit.kind, LocationEdit::Kind::remove);
  EXPECT_EQ(edit.position, "3");

  edit = location_of(R"([{"op":"replace","path":"/locations","value":[)" + value + "]}]");
  EXPECT_EQ(edit.kind, LocationEdit::Kind::replace);
  EXPECT_EQ(edit.locations.size(), 1U);
  EXPECT_TRUE(location_of(R"([{"replace":"/locations","value":[]}])", PatchDialect::v2_0)
                  .locations.empty());
}

TEST(JsonPatch, LocationsMayStateTheDigestsOfTheirData) {
  const auto edit = location_of(R"([{"op":"add","path":"/locations/0","value":
      {"url":"u","metadata":{},"validation_data":{"os_hash_algo":"sha512","os_hash_value":"ab",
       "checksum":"00112233445566778899aabbccddeeff"}}}])");
  const auto& validation = edit.locations.at(0).validation;
  ASSERT_TRUE(validation);
  EXPECT_EQ(validation->os_hash_algo, "sha512");
  EXPECT_EQ(validation->os_hash_value, "ab");
  EXPECT_EQ(validation->checksum, "00112233445566778899aabbccddeeff");
}

TEST(JsonPatch, LocationsOfAnotherShapeAreRefused) {
  for (const auto* pointer : {"/locations", "/locations/0/url", "/locations/0/"}) {
    EXPECT_EQ(refusal(add(pointer)).status, 400) << pointer;
  }
  for (const auto* value : {"3", "null", "[]", "{}", R"({"url":"x"})", R"({"metadata":{}})",
                            R"({"url":3,"metadata":{}})", R"({"url":"x","metadata":[]})",
                            R"({"url":"x","metadata":{},"validation_data":3})",
                            R"({"url":"x","metadata":{},"validation_data":{"os_hash_algo":"md5"}})",
                            R"({"url":"x","metadata":{},"validation_data":
            {"os_hash_algo":"md5","os_hash_value":"0","checksum":"0"}})",
                            R"({"url":"x","metadata":{},"validation_data":
            {"os_hash_algo":"md5","os_hash_value":"0","x":"0"}})"}) {
    const auto body = R"([{"op":"add","path":"/locations/-","value":)" + std::string(value) + "}]";
    EXPECT_EQ(refusal(body).status, 400) << value;
  }
  EXPECT_EQ(refusal(R"([{"op":"replace","path":"/locations","value":{}}])").status, 400);
  EXPECT_EQ(refusal(R"([{"op":"replace","path":"/locations/0","value":{}}])").status, 400);
  EXPECT_EQ(refusal(R"([{"op":"remove","path":"/locations"}])").status, 400);
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
