// SPDX-License-Identifier: Apache-2.0
#include "catalog/model/attributes.h"

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "catalog/base/error.h"
#include "catalog/config/config.h"
#include "catalog/model/attribute_text.h"
#include "catalog/model/timestamp.h"
#include "catalog/text/utf8.h"

namespace glance {
namespace {

using Kind = AttributeEdit::Kind;
using Tags = std::vector<std::string>;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::array<Kind, 5> kKinds = {Kind::put, Kind::create, Kind::replace, Kind::remove,
                                        Kind::reset};
constexpr const char* kSchemaPrefix = "Provided object does not match schema 'image': ";
constexpr const char* kEmoji = "😀";

Image new_image() {
  Image image{.id = *ImageId::parse("a416fc9f-c6b8-4326-92e3-2874b63104a5")};
  image.created_at = *parse_time("2026-11-22 16:59:30.520160");
  image.updated_at = *parse_time("2026-11-22 16:59:31.999999");
  return image;
}

/// What a refusal says; fails the test if there was none.
struct Refusal {
  std::optional<Errc> code;
  std::string text;
};

Refusal refusal_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return {error.code(), error.what()};
  }
  return {};
}

class Attributes : public ::testing::Test {
 protected:
  void put(const std::string& name, AttributeValue value) {
    apply({Kind::put, name, std::move(value)}, limits_, image_);
  }
  void edit(Kind kind, const std::string& name, AttributeValue value = nullptr) {
    apply({kind, name, std::move(value)}, limits_, image_);
  }
  Refusal refused(Kind kind, const std::string& name, AttributeValue value = nullptr) {
    return refusal_of([&] { edit(kind, name, std::move(value)); });
  }
  void expect_invalid(const std::string& name, const AttributeValue& value,
                      const std::string& part) {
    const Refusal refusal = refused(Kind::put, name, value);
    EXPECT_EQ(refusal.code, Errc::invalid) << name;
    EXPECT_THAT(refusal.text, HasSubstr(part));
    EXPECT_TRUE(is_valid_utf8(refusal.text)) << refusal.text;
  }

  ImageLimits limits_;
  Image image_ = new_image();
};

// ── the table ─────────────────────────────────────────────────────────────────────────────────

TEST_F(Attributes, CoreOnesAreFoundByName) {
  for (const CoreAttribute& core : core_attributes()) {
    ASSERT_NE(find_core_attribute(core.name), nullptr);
    EXPECT_EQ(find_core_attribute(core.name)->name, core.name);
  }
  EXPECT_EQ(find_core_attribute("os_distro"), nullptr);
  EXPECT_EQ(find_core_attribute(""), nullptr);
}

TEST_F(Attributes, SettableAreThoseThatAPatchMayChange) {
  Tags settable;
  for (const CoreAttribute& core : core_attributes()) {
    if (core.settable) settable.emplace_back(core.name);
  }
  EXPECT_THAT(settable,
              ElementsAre("name", "visibility", "protected", "os_hidden", "owner",
                          "container_format", "disk_format", "tags", "min_ram", "min_disk"));
}

TEST_F(Attributes, ReservedNamesAreTheServers) {
  for (const char* name : {"location", "locations", "deleted", "deleted_at", "os_glance",
                           "os_glance_stage_host", "os_glancetoo"}) {
    EXPECT_TRUE(is_reserved_attribute(name)) << name;
  }
  for (const char* name : {"os_distro", "Deleted", "status", "", "os_glanc"}) {
    EXPECT_FALSE(is_reserved_attribute(name)) << name;
  }
}

// ── what nobody may change ────────────────────────────────────────────────────────────────────

TEST_F(Attributes, ReadOnlyOnesAreRefusedWhateverTheEdit) {
  for (const char* name :
       {"created_at", "updated_at", "status", "checksum", "size", "virtual_size", "direct_url",
        "self", "file", "schema", "id", "os_hash_algo", "os_hash_value"}) {
    for (const Kind kind : kKinds) {
      const Refusal refusal = refused(kind, name, "x");
      EXPECT_EQ(refusal.code, Errc::read_only_key) << name;
      EXPECT_EQ(refusal.text, std::string("Attribute '") + name + "' is read-only.");
    }
  }
}

TEST_F(Attributes, ReservedOnesAreForbiddenWhateverTheEdit) {
  for (const char* name : {"location", "locations", "deleted", "deleted_at", "os_glance_x"}) {
    for (const Kind kind : kKinds) {
      const Refusal refusal = refused(kind, name, "x");
      EXPECT_EQ(refusal.code, Errc::forbidden) << name;
      EXPECT_EQ(refusal.text, std::string("Attribute '") + name + "' is reserved.");
    }
  }
}

TEST_F(Attributes, StoresIsNoCustomProperty) {
  EXPECT_EQ(refused(Kind::put, "stores", "mine").code, Errc::forbidden);
}

TEST_F(Attributes, CoreOnesCannotBeRemoved) {
  const Refusal refusal = refused(Kind::remove, "name");
  EXPECT_EQ(refusal.code, Errc::forbidden);
  EXPECT_EQ(refusal.text, "Property name may not be removed.");
}

TEST_F(Attributes, CoreOnesAreAlwaysPresent) {
  const Refusal refusal = refused(Kind::create, "name", "x");
  EXPECT_EQ(refusal.code, Errc::exists);
  EXPECT_EQ(refusal.text, "Property name already present.");
  edit(Kind::replace, "name", "x");
  EXPECT_EQ(image_.name, "x");
}

// ── core values ───────────────────────────────────────────────────────────────────────────────

TEST_F(Attributes, NameIsAnyTextOf255CharactersOrNull) {
  put("name", "noble");
  EXPECT_EQ(image_.name, "noble");
  put("name", "");
  EXPECT_EQ(image_.name, "");
  std::string longest;
  for (int i = 0; i < 255; ++i) longest += "é";
  put("name", longest);
  EXPECT_EQ(image_.name, longest);
  put("name", nullptr);
  EXPECT_EQ(image_.name, std::nullopt);

  expect_invalid("name", longest + "é", "256 characters, 255 are allowed");
  expect_invalid("name", std::int64_t{3}, "3 is not of type 'null', 'string'");
  expect_invalid("name", true, "True is not of type");
  expect_invalid("name", Tags{"a"}, "A list is not of type");
  expect_invalid("name", "h\xe9llo", "not valid UTF-8");
  EXPECT_EQ(image_.name, std::nullopt);
}

TEST_F(Attributes, CharactersOfFourBytesAreRefusedInGlancesWords) {
  expect_invalid("name", kEmoji, "Name can't contain 4 byte unicode characters.");
  expect_invalid("owner", kEmoji, "Owner can't contain 4 byte unicode characters.");
  expect_invalid("os_distro", kEmoji, "Os_Distro can't contain 4 byte unicode characters.");
  expect_invalid(kEmoji, "x", "Property names can't contain 4 byte unicode.");
  expect_invalid("tags", Tags{kEmoji}, "Param values can't contain 4 byte unicode.");
}

TEST_F(Attributes, VisibilityIsOneOfFour) {
  for (const char* text : {"public", "private", "community", "shared"}) {
    put("visibility", text);
    EXPECT_EQ(to_string(image_.visibility), text);
  }
  expect_invalid("visibility", "hidden",
                 "'hidden' is not one of ['community', 'public', 'private', 'shared']");
  expect_invalid("visibility", nullptr, "None is not of type 'string'");
}

TEST_F(Attributes, FlagsAreRealBooleans) {
  put("protected", true);
  put("os_hidden", true);
  EXPECT_TRUE(image_.is_protected);
  EXPECT_TRUE(image_.os_hidden);
  put("protected", false);
  EXPECT_FALSE(image_.is_protected);
  expect_invalid("protected", "yes", "'yes' is not of type 'boolean'");
  expect_invalid("os_hidden", std::int64_t{1}, "1 is not of type 'boolean'");
  expect_invalid("os_hidden", nullptr, "None is not of type 'boolean'");
}

TEST_F(Attributes, MinimaAreNonNegative31BitNumbers) {
  put("min_disk", std::int64_t{2147483647});
  put("min_ram", std::int64_t{64});
  EXPECT_EQ(image_.min_disk, 2147483647);
  EXPECT_EQ(image_.min_ram, 64);
  put("min_ram", std::int64_t{0});
  EXPECT_EQ(image_.min_ram, 0);
  expect_invalid("min_disk", std::int64_t{-1}, "-1 is less than the minimum of 0");
  expect_invalid("min_ram", std::int64_t{2147483648}, "maximum of 2147483647");
  expect_invalid("min_ram", "3", "'3' is not of type 'integer'");
  expect_invalid("min_ram", nullptr, "None is not of type 'integer'");
}

TEST_F(Attributes, OwnerMayBeNullAndTheEmptyTextIsNull) {
  put("owner", "proj1");
  EXPECT_EQ(image_.owner, "proj1");
  put("owner", "");
  EXPECT_EQ(image_.owner, std::nullopt);
  put("owner", "proj1");
  put("owner", nullptr);
  EXPECT_EQ(image_.owner, std::nullopt);
  expect_invalid("owner", std::string(256, 'x'), "256 characters, 255 are allowed");
}

TEST_F(Attributes, FormatsAreTheConfiguredOnes) {
  put("disk_format", "qcow2");
  put("container_format", "bare");
  EXPECT_EQ(image_.disk_format, "qcow2");
  EXPECT_EQ(image_.container_format, "bare");
  put("disk_format", nullptr);
  EXPECT_EQ(image_.disk_format, std::nullopt);
  expect_invalid("disk_format", "luks", "'luks' is not one of [None, 'ami', 'ari'");
  expect_invalid("container_format", "", "'' is not one of [None, ");
  limits_.disk_formats = {"luks"};
  put("disk_format", "luks");
  EXPECT_EQ(image_.disk_format, "luks");
}

TEST_F(Attributes, FormatsStayOnceDataAreThere) {
  for (const ImageStatus status :
       {ImageStatus::uploading, ImageStatus::active, ImageStatus::deactivated}) {
    image_.status = status;
    const Refusal refusal = refused(Kind::put, "container_format", "bare");
    EXPECT_EQ(refusal.code, Errc::forbidden);
    EXPECT_EQ(refusal.text, "Attribute container_format can be only replaced for a queued image.");
    EXPECT_EQ(refused(Kind::reset, "disk_format").code, Errc::forbidden);
  }
}

TEST_F(Attributes, FormatsMayBeSetUntilThen) {
  for (const ImageStatus status :
       {ImageStatus::queued, ImageStatus::saving, ImageStatus::importing}) {
    image_.status = status;
    put("disk_format", "raw");
    EXPECT_EQ(image_.disk_format, "raw");
    edit(Kind::reset, "disk_format");
    EXPECT_EQ(image_.disk_format, std::nullopt);
  }
}

TEST_F(Attributes, AnUnknownFormatIsInvalidEvenWhenDataAreThere) {
  image_.status = ImageStatus::active;
  expect_invalid("disk_format", "zip", "is not one of");
}

TEST_F(Attributes, TagsAreASortedSet) {
  put("tags", Tags{"t1", "Alpha", "t1", "é"});
  EXPECT_THAT(image_.tags, ElementsAre("Alpha", "t1", "é"));
  put("tags", Tags{});
  EXPECT_THAT(image_.tags, ElementsAre());
  expect_invalid("tags", Tags{std::string(256, 'x')}, "256 characters, 255 are allowed");
  expect_invalid("tags", Tags{"\xff"}, "not valid UTF-8");
  expect_invalid("tags", "a,b", "'a,b' is not of type 'array'");
}

TEST_F(Attributes, TagsHaveAQuota) {
  limits_.image_tag_quota = 2;
  put("tags", Tags{"a", "b", "b", "a"});
  const Refusal refusal = refused(Kind::put, "tags", Tags{"a", "b", "c"});
  EXPECT_EQ(refusal.code, Errc::over_quota);
  EXPECT_EQ(refusal.text,
            "The limit has been exceeded on the number of allowed image tags. Attempted: 3, "
            "Maximum: 2");
  EXPECT_THAT(image_.tags, ElementsAre("a", "b"));
  limits_.image_tag_quota = -1;
  put("tags", Tags{"a", "b", "c"});
  limits_.image_tag_quota = 0;
  EXPECT_EQ(refused(Kind::put, "tags", Tags{"a"}).code, Errc::over_quota);
  put("tags", Tags{});
}

TEST_F(Attributes, ResetGivesCoreOnesTheirDefault) {
  put("name", "x");
  put("visibility", "public");
  put("protected", true);
  put("os_hidden", true);
  put("owner", "o");
  put("disk_format", "raw");
  put("container_format", "bare");
  put("tags", Tags{"t"});
  put("min_ram", std::int64_t{1});
  put("min_disk", std::int64_t{1});
  const Image fresh = new_image();
  for (const CoreAttribute& core : core_attributes()) {
    if (!core.settable) continue;
    edit(Kind::reset, std::string(core.name));
    EXPECT_EQ(attribute_text(image_, core.name), attribute_text(fresh, core.name)) << core.name;
  }
}

// ── properties ────────────────────────────────────────────────────────────────────────────────

TEST_F(Attributes, AnyOtherNameIsAProperty) {
  for (const char* name :
       {"os_distro", "", "a/b", "trait:HW", "with blanks", "..", "ünï", "Status", "is_public"}) {
    put(name, "v");
    EXPECT_EQ(image_.properties.at(name), "v");
  }
}

TEST_F(Attributes, PropertiesAreTexts) {
  put("p", "");
  put("p", std::string(65535, 'x'));
  expect_invalid("p", std::int64_t{3}, "3 is not of type 'string'");
  expect_invalid("p", nullptr, "None is not of type 'string'");
  expect_invalid("p", false, "False is not of type 'string'");
  expect_invalid("p", Tags{"a"}, "A list is not of type 'string'");
  expect_invalid("p", "\xed\xa0\x80", "not valid UTF-8");
  expect_invalid("p", std::string(65536, 'x'), "'p' is too long: it has 65536 bytes, 65535 are");
}

TEST_F(Attributes, NoTextHoldsNul) {
  const std::string text("a\0b", 3);
  for (const char* name : {"p", "name", "owner"}) {
    expect_invalid(name, text, std::string("'") + name + "' holds a NUL character");
  }
  expect_invalid("tags", Tags{text}, "holds a NUL character");
  expect_invalid(text, "v", "holds a NUL character");
}

TEST_F(Attributes, PropertyNamesHave255CharactersAtMost) {
  put(std::string(255, 'n'), "v");
  expect_invalid(std::string(256, 'n'), "v", "256 characters, 255 are allowed");
  expect_invalid("\xff", "v", "not valid UTF-8");
}

TEST_F(Attributes, EditsOfPropertiesKeepToTheirKind) {
  const Refusal absent = refused(Kind::replace, "p", "v");
  EXPECT_EQ(absent.code, Errc::conflict);
  EXPECT_EQ(absent.text, "Property p does not exist.");
  EXPECT_EQ(refused(Kind::remove, "p").code, Errc::conflict);
  EXPECT_EQ(refused(Kind::reset, "p").code, Errc::not_found);

  edit(Kind::create, "p", "1");
  const Refusal present = refused(Kind::create, "p", "2");
  EXPECT_EQ(present.code, Errc::exists);
  EXPECT_EQ(present.text, "Property p already present.");
  EXPECT_EQ(image_.properties.at("p"), "1");
  edit(Kind::replace, "p", "2");
  EXPECT_EQ(image_.properties.at("p"), "2");
  put("p", "3");
  EXPECT_EQ(image_.properties.at("p"), "3");
  edit(Kind::remove, "p");
  put("p", "4");
  edit(Kind::reset, "p");
  EXPECT_TRUE(image_.properties.empty());
}

TEST_F(Attributes, PropertiesHaveAQuotaThatCountsNewUserOnesOnly) {
  limits_.image_property_quota = 2;
  image_.properties = {{"os_glance_import_task", "x"}, {"a", "1"}};
  put("b", "1");
  const Refusal refusal = refused(Kind::put, "c", "1");
  EXPECT_EQ(refusal.code, Errc::over_quota);
  EXPECT_EQ(refusal.text,
            "The limit has been exceeded on the number of allowed image properties. Attempted: 3, "
            "Maximum: 2");
  limits_.image_property_quota = 1;
  put("b", "2");
  edit(Kind::replace, "a", "2");
  limits_.image_property_quota = -1;
  put("c", "1");
  limits_.image_property_quota = 0;
  EXPECT_EQ(refused(Kind::create, "d", "1").code, Errc::over_quota);
}

TEST_F(Attributes, RefusalsOfUnreadableNamesAreReadable) {
  for (const Kind kind : kKinds) {
    EXPECT_TRUE(is_valid_utf8(refused(kind, "\xff\xfe", "v").text));
  }
  EXPECT_TRUE(is_valid_utf8(refused(Kind::put, "os_glance\xff").text));
}

TEST_F(Attributes, LongValuesAreCutInMessagesBetweenCharacters) {
  std::string text = "x";
  for (int i = 0; i < 300; ++i) text += "✓";
  const Refusal refusal = refused(Kind::put, "visibility", text);
  EXPECT_THAT(refusal.text, StartsWith(std::string(kSchemaPrefix) + "'x✓"));
  EXPECT_LT(refusal.text.size(), 300U);
  EXPECT_TRUE(is_valid_utf8(refusal.text));
}

// ── drafts ────────────────────────────────────────────────────────────────────────────────────

class Drafts : public ::testing::Test {
 protected:
  Refusal refused() {
    return refusal_of([&] { validate(draft_, limits_); });
  }

  ImageLimits limits_;
  ImageDraft draft_;
};

TEST_F(Drafts, EmptyAndFullOnesAreFine) {
  validate(draft_, limits_);
  draft_.name = "noble";
  draft_.owner = "proj1";
  draft_.disk_format = "qcow2";
  draft_.container_format = "bare";
  draft_.min_disk = 20;
  draft_.tags = {"b", "a", "b"};
  draft_.properties = {{"os_distro", "ubuntu"}};
  validate(draft_, limits_);
}

TEST_F(Drafts, EachValueIsChecked) {
  const std::vector<std::function<void(ImageDraft&)>> faults = {
      [](ImageDraft& d) { d.name = std::string(256, 'x'); },
      [](ImageDraft& d) { d.name = kEmoji; },
      [](ImageDraft& d) { d.owner = "\xff"; },
      [](ImageDraft& d) { d.disk_format = "zip"; },
      [](ImageDraft& d) { d.container_format = "zip"; },
      [](ImageDraft& d) { d.min_disk = -1; },
      [](ImageDraft& d) { d.min_ram = -1; },
      [](ImageDraft& d) { d.tags = {kEmoji}; },
      [](ImageDraft& d) { d.properties = {{std::string(256, 'x'), "v"}}; },
      [](ImageDraft& d) { d.properties = {{"p", kEmoji}}; },
      [](ImageDraft& d) { d.properties = {{"name", "x"}}; },
  };
  for (std::size_t i = 0; i < faults.size(); ++i) {
    draft_ = {};
    faults[i](draft_);
    EXPECT_EQ(refused().code, Errc::invalid) << "fault " << i;
  }
}

TEST_F(Drafts, MayNotNameWhatIsTheServers) {
  draft_.properties = {{"status", "active"}};
  EXPECT_EQ(refused().code, Errc::read_only_key);
  for (const char* name : {"deleted", "os_glance_x", "stores", "locations"}) {
    draft_.properties = {{name, "x"}};
    EXPECT_EQ(refused().code, Errc::forbidden) << name;
  }
}

TEST_F(Drafts, KeepToTheQuotas) {
  limits_.image_tag_quota = 1;
  limits_.image_property_quota = 1;
  draft_.tags = {"a", "a"};
  draft_.properties = {{"a", "1"}};
  validate(draft_, limits_);
  draft_.tags = {"a", "b"};
  EXPECT_EQ(refused().code, Errc::over_quota);
  draft_.tags = {};
  draft_.properties = {{"a", "1"}, {"b", "1"}};
  EXPECT_EQ(refused().code, Errc::over_quota);
}

// ── texts ─────────────────────────────────────────────────────────────────────────────────────

TEST_F(Attributes, ShowAsText) {
  image_.status = ImageStatus::active;
  image_.size = 5000000;
  image_.tags = {"a", "b"};
  image_.properties = {{"os_distro", "ubuntu"}, {"empty", ""}};
  EXPECT_EQ(attribute_text(image_, "id"), "a416fc9f-c6b8-4326-92e3-2874b63104a5");
  EXPECT_EQ(attribute_text(image_, "status"), "active");
  EXPECT_EQ(attribute_text(image_, "visibility"), "shared");
  EXPECT_EQ(attribute_text(image_, "protected"), "false");
  EXPECT_EQ(attribute_text(image_, "size"), "5000000");
  EXPECT_EQ(attribute_text(image_, "min_ram"), "0");
  EXPECT_EQ(attribute_text(image_, "tags"), "a,b");
  EXPECT_EQ(attribute_text(image_, "updated_at"), "2026-11-22T16:59:31Z");
  EXPECT_EQ(attribute_text(image_, "file"), "/v2/images/" + image_.id.text() + "/file");
  EXPECT_EQ(attribute_text(image_, "os_distro"), "ubuntu");
  EXPECT_EQ(attribute_text(image_, "empty"), "");
}

TEST_F(Attributes, HaveNoTextWhereNull) {
  image_.locations = {{"file:///srv/images/1", "{}"}};
  for (const char* name : {"name", "owner", "size", "virtual_size", "checksum", "disk_format",
                           "nothing", "direct_url", "locations"}) {
    EXPECT_EQ(attribute_text(image_, name), std::nullopt) << name;
  }
}

TEST_F(Attributes, AreReadBackFromTheirText) {
  EXPECT_EQ(parse_attribute("protected", "true"), AttributeValue(true));
  EXPECT_EQ(parse_attribute("os_hidden", "False"), AttributeValue(false));
  EXPECT_EQ(parse_attribute("min_ram", "64"), AttributeValue(std::int64_t{64}));
  EXPECT_EQ(parse_attribute("min_ram", "-1"), AttributeValue(std::int64_t{-1}));
  EXPECT_EQ(parse_attribute("name", "64"), AttributeValue("64"));
  EXPECT_EQ(parse_attribute("os_distro", "true"), AttributeValue("true"));
  EXPECT_EQ(parse_attribute("tags", "b,a,,b"), AttributeValue(Tags{"a", "b"}));
  EXPECT_EQ(parse_attribute("tags", ""), AttributeValue(Tags{}));
  EXPECT_EQ(parse_attribute("created_at", "2026-11-22T16:59:28Z"),
            AttributeValue("2026-11-22T16:59:28Z"));
}

TEST_F(Attributes, BadTextsAreInvalidAndSayWhatIsAllowed) {
  const auto refused_text = [](const char* name, const char* text) {
    return refusal_of([&] { (void)parse_attribute(name, text); });
  };
  for (const char* text : {"", "yes", "1", "truetrue"}) {
    const Refusal refusal = refused_text("protected", text);
    EXPECT_EQ(refusal.code, Errc::invalid) << text;
    EXPECT_THAT(refusal.text, HasSubstr("allowed: true, false"));
  }
  for (const char* text : {"", "x", "1x", " 1", "1.0", "0x10", "99999999999999999999"}) {
    EXPECT_EQ(refused_text("min_ram", text).code, Errc::invalid) << text;
  }
  EXPECT_EQ(refused_text("created_at", "yesterday").code, Errc::invalid);
}

TEST_F(Attributes, TagsOfAnyTextSurviveTheRoundTrip) {
  image_.tags = {"%", "%%2C", "%2", "%25", "%2C", "%2c", ",", ",,%", "100%", "a,b", "plain"};
  const auto text = attribute_text(image_, "tags");
  ASSERT_TRUE(text);
  EXPECT_THAT(*text, HasSubstr(",a%2Cb,plain"));
  EXPECT_THAT(*text, HasSubstr(",100%,"));
  Tags expected = image_.tags;
  std::ranges::sort(expected);
  EXPECT_EQ(parse_attribute("tags", *text), AttributeValue(expected));
}

TEST_F(Attributes, ApiTimesHaveNoFraction) {
  EXPECT_EQ(format_api_time(*parse_time("2026-11-22 16:59:28.999999")), "2026-11-22T16:59:28Z");
}

}  // namespace
}  // namespace glance
