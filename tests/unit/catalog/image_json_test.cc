// SPDX-License-Identifier: Apache-2.0
#include "catalog/model/image_json.h"

#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "catalog/config/config.h"
#include "catalog/model/attributes.h"
#include "catalog/model/timestamp.h"

namespace glance {
namespace {

using Json = nlohmann::json;

constexpr const char* kId = "a416fc9f-c6b8-4326-92e3-2874b63104a5";

Image queued_image() {
  Image image{.id = *ImageId::parse(kId)};
  image.created_at = *parse_time("2026-11-22 16:59:30.520160");
  image.updated_at = image.created_at;
  return image;
}

Json json_of(const Image& image, const Config& config = {},
             const Caller& caller = Caller::local_admin()) {
  return Json::parse(image_to_json(image, caller, config));
}

TEST(ImageJson, OfANewImageIsWhatGlanceAnswers) {
  Image image = queued_image();
  image.name = "queued-only";
  const Json expected = Json::parse(R"({
    "name": "queued-only", "disk_format": null, "container_format": null, "visibility": "shared",
    "size": null, "virtual_size": null, "status": "queued", "checksum": null, "protected": false,
    "min_ram": 0, "min_disk": 0, "owner": null, "os_hidden": false, "os_hash_algo": null,
    "os_hash_value": null, "id": "a416fc9f-c6b8-4326-92e3-2874b63104a5",
    "created_at": "2026-11-22T16:59:30Z", "updated_at": "2026-11-22T16:59:30Z", "tags": [],
    "self": "/v2/images/a416fc9f-c6b8-4326-92e3-2874b63104a5",
    "file": "/v2/images/a416fc9f-c6b8-4326-92e3-2874b63104a5/file",
    "schema": "/v2/schemas/image"})");
  EXPECT_EQ(json_of(image), expected);
}

Image active_image() {
  Image image = queued_image();
  image.name = "sample";
  image.status = ImageStatus::active;
  image.visibility = Visibility::public_;
  image.is_protected = true;
  image.os_hidden = true;
  image.owner = "proj1";
  image.disk_format = "qcow2";
  image.container_format = "bare";
  image.min_disk = 1;
  image.min_ram = 64;
  image.size = 5000000;
  image.virtual_size = 1U << 30U;
  image.checksum = "28dad449f12cc28e0dea71fac981e1f4";
  image.os_hash_algo = "sha512";
  image.os_hash_value = "d57a";
  image.tags = {"Alpha", "t1"};
  image.properties = {{"empty", ""}, {"os_type", "windows"}, {"uni", "héllo ✓"}};
  image.locations = {{"file:///srv/images/1", R"({"store": "file"})"}};
  return image;
}

TEST(ImageJson, HoldsTagsAndPropertiesAtTheTop) {
  const Json json = json_of(active_image());
  EXPECT_EQ(json["tags"], Json::array({"Alpha", "t1"}));
  EXPECT_EQ(json["os_type"], "windows");
  EXPECT_EQ(json["empty"], "");
  EXPECT_EQ(json["uni"], "héllo ✓");
  EXPECT_EQ(json["size"], 5000000);
  EXPECT_EQ(json["virtual_size"], 1073741824);
  EXPECT_EQ(json["visibility"], "public");
  EXPECT_EQ(json["protected"], true);
}

TEST(ImageJson, HoldsEveryAttributeThatIsAlwaysShown) {
  const Json json = json_of(active_image());
  for (const CoreAttribute& core : core_attributes()) {
    const bool optional = core.name == "direct_url" || core.name == "locations";
    EXPECT_EQ(json.contains(std::string(core.name)), !optional) << core.name;
  }
  EXPECT_FALSE(json.contains("stores"));
}

TEST(ImageJson, ShowsLocationsOnlyWhereConfigured) {
  Config config;
  config.show_image_direct_url = true;
  config.show_multiple_locations = true;
  const Json json = json_of(active_image(), config);
  EXPECT_EQ(json["direct_url"], "file:///srv/images/1");
  EXPECT_EQ(json["locations"],
            Json::parse(R"([{"url": "file:///srv/images/1", "metadata": {"store": "file"}}])"));
}

TEST(ImageJson, WithoutDataHasAnEmptyListOfLocationsAndNoDirectUrl) {
  Config config;
  config.show_image_direct_url = true;
  config.show_multiple_locations = true;
  const Json json = json_of(queued_image(), config);
  EXPECT_FALSE(json.contains("direct_url"));
  EXPECT_EQ(json["locations"], Json::array());
}

TEST(ImageJson, MakesAnEmptyObjectOfBrokenLocationMetadata) {
  Config config;
  config.show_multiple_locations = true;
  for (const char* metadata : {"", "{", "[1]", "null", "gAJ9cQEu"}) {
    Image image = active_image();
    image.locations.front().metadata = metadata;
    EXPECT_EQ(json_of(image, config)["locations"][0]["metadata"], Json::object()) << metadata;
  }
}

TEST(ImageJson, DoesNotEscapeUnicode) {
  EXPECT_NE(image_to_json(active_image(), Caller::local_admin(), {}).find("héllo ✓"),
            std::string::npos);
}

TEST(ImageJson, ReplacesBytesThatAreNotUtf8) {
  Image image = queued_image();
  image.name = "h\xe9llo";
  image.properties["p"] = "\xff";
  const Json json = json_of(image);
  EXPECT_EQ(json["name"], "h\xef\xbf\xbdllo");
  EXPECT_EQ(json["p"], "\xef\xbf\xbd");
}

TEST(ImageJson, LetsNoPropertyReplaceACoreAttribute) {
  Image image = queued_image();
  image.properties = {{"status", "active"}, {"direct_url", "file:///etc/shadow"}};
  const std::string text = image_to_json(image, Caller::local_admin(), {});
  EXPECT_EQ(Json::parse(text)["status"], "queued");
  EXPECT_EQ(text.find("shadow"), std::string::npos);
}

TEST(ImageJson, NamesTheStoresWhereStoresHaveIds) {
  Image image = queued_image();
  Config config;
  image.locations = {{.url = "file:///a", .metadata = R"({"store": "fast"})"},
                     {.url = "file:///b", .metadata = "{}"},
                     {.url = "rbd://c", .metadata = R"({"store": "ceph"})"}};
  EXPECT_FALSE(json_of(image, config).contains("stores"));
  config.enabled_backends = true;
  EXPECT_EQ(json_of(image, config)["stores"], "fast,ceph");
  image.locations.clear();
  image.properties["stores"] = "made up";
  EXPECT_FALSE(json_of(image, config).contains("stores"));
}

TEST(ImageJson, HidesTheStagingHost) {
  Image image = queued_image();
  image.properties = {{"os_glance_stage_host", "http://10.0.0.1:9292"},
                      {"os_glance_import_task", "d1780796"}};
  const Json json = json_of(image);
  EXPECT_FALSE(json.contains("os_glance_stage_host"));
  EXPECT_EQ(json["os_glance_import_task"], "d1780796");
}

TEST(ImageJson, OfAClosedImageTellsAdministratorsAloneWhereItsDataLie) {
  Image image = active_image();
  image.status = ImageStatus::deactivated;
  image.locations = {{.url = "file:///srv/x", .metadata = R"({"store": "fast"})"}};
  Config config;
  config.show_image_direct_url = true;
  config.show_multiple_locations = true;
  config.enabled_backends = true;
  const Json shown = json_of(image, config);
  EXPECT_EQ(shown["direct_url"], "file:///srv/x");
  EXPECT_EQ(shown["stores"], "fast");
  const Json hidden = json_of(image, config, Caller{.project = "proj1"});
  EXPECT_FALSE(hidden.contains("direct_url"));
  EXPECT_FALSE(hidden.contains("stores"));
  EXPECT_EQ(hidden["locations"], Json::array());
}

}  // namespace
}  // namespace glance
