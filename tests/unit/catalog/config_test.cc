// SPDX-License-Identifier: Apache-2.0
#include "catalog/config/config.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "catalog/base/error.h"
#include "catalog/config/config_file.h"
#include "catalog/config/spec.h"

namespace glance {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

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

class ConfigTest : public ::testing::Test {
 protected:
  ConfigTest() {
    std::string name = fs::temp_directory_path() / "glance-config-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    dir_ = fs::canonical(name);
  }
  ~ConfigTest() override { fs::remove_all(dir_); }

  fs::path write(const std::string& name, const std::string& text) const {
    std::ofstream(dir_ / name) << text;
    return dir_ / name;
  }
  /// A file with a database, in front of `text`.
  fs::path conf(const std::string& text) const {
    return write("glance-api.conf", "[database]\nconnection = sqlite:////srv/g.sqlite\n" + text);
  }
  Config read(const std::string& text) const { return read_config_file(conf(text)); }
  Refusal refused(const std::string& text) const {
    return refusal_of([&] { (void)read(text); });
  }
  static Refusal refused_spec(const std::string& spec, bool create = false) {
    return refusal_of([&] { (void)read_spec(spec, create); });
  }

  fs::path dir_;
};

// ── SPECs ─────────────────────────────────────────────────────────────────────────────────────

TEST_F(ConfigTest, ADirectoryIsTheEmbeddedDefault) {
  write("glance.sqlite", "");
  const Config config = read_spec(dir_, false);
  EXPECT_EQ(config.database_url, "sqlite:///" + (dir_ / "glance.sqlite").string());
  EXPECT_EQ(config.filesystem_store_datadir, dir_ / "images");
  EXPECT_EQ(config.source, dir_);
  EXPECT_EQ(config.store_id, "file");
  EXPECT_EQ(config.bind_host, "127.0.0.1");
}

TEST_F(ConfigTest, ADirectorysPathsAreAbsoluteAndNormal) {
  write("glance.sqlite", "");
  fs::create_directory(dir_ / "sub");
  for (const std::string& spec :
       {dir_.string() + "/", dir_.string() + "/sub/..//.", fs::relative(dir_).string()}) {
    const Config config = read_spec(spec, false);
    EXPECT_EQ(config.database_url, "sqlite:///" + (dir_ / "glance.sqlite").string()) << spec;
    EXPECT_EQ(config.filesystem_store_datadir, dir_ / "images") << spec;
    EXPECT_EQ(config.source, spec);
  }
}

TEST_F(ConfigTest, AMissingPathNeedsCreate) {
  const fs::path path = dir_ / "new" / "catalog";
  const Refusal refusal = refused_spec(path);
  EXPECT_EQ(refusal.code, Errc::not_found);
  EXPECT_THAT(refusal.text,
              AllOf(HasSubstr(path.string()), HasSubstr("-o create"), HasSubstr("--create")));
  const Config config = read_spec(path, true);
  EXPECT_EQ(config.database_url, "sqlite:///" + (path / "glance.sqlite").string());
  EXPECT_FALSE(fs::exists(path));  // making it is the catalog's business
}

TEST_F(ConfigTest, ADirectoryWithoutDatabaseNeedsCreate) {
  const Refusal refusal = refused_spec(dir_);
  EXPECT_EQ(refusal.code, Errc::not_found);
  EXPECT_THAT(refusal.text, AllOf(HasSubstr("glance.sqlite"), HasSubstr("-o create")));
  EXPECT_EQ(read_spec(dir_, true).filesystem_store_datadir, dir_ / "images");
}

TEST_F(ConfigTest, AFileIsAConfiguration) {
  const Config config = read_spec(conf("[DEFAULT]\nbind_port = 1234\n"), false);
  EXPECT_EQ(config.bind_port, 1234);
  EXPECT_EQ(config.database_url, "sqlite:////srv/g.sqlite");
}

TEST_F(ConfigTest, ADatabaseFileIsRefusedWithTheUrlToUse) {
  const fs::path path = write("glance.sqlite", std::string("SQLite format 3\0", 16));
  const Refusal refusal = refused_spec(path);
  EXPECT_EQ(refusal.code, Errc::invalid);
  EXPECT_THAT(refusal.text, HasSubstr("sqlite:///" + path.string()));
}

TEST_F(ConfigTest, AUrlIsADatabaseWithGlancesDefaultStore) {
  const Config config = read_spec("sqlite:////var/lib/glance/glance.sqlite?timeout=5", false);
  EXPECT_EQ(config.database_url, "sqlite:////var/lib/glance/glance.sqlite");
  EXPECT_EQ(config.source, "sqlite:////var/lib/glance/glance.sqlite");
  EXPECT_EQ(config.filesystem_store_datadir, "/var/lib/glance/images");
}

TEST_F(ConfigTest, ARelativeUrlIsMadeAbsolute) {
  EXPECT_EQ(read_spec("sqlite:///x/../glance.sqlite", false).database_url,
            "sqlite:///" + (fs::current_path() / "glance.sqlite").string());
  EXPECT_EQ(read_spec("sqlite+pysqlite:////srv/x", false).database_url, "sqlite:////srv/x");
}

TEST_F(ConfigTest, OtherEnginesAreUnsupportedAndTheirPasswordStaysSecret) {
  for (const char* url : {"mysql+pymysql://glance:s3cret@localhost/glance",
                          "postgresql://glance:s3cret@db/glance", "https://u:s3cret@cloud:9292"}) {
    const Refusal refusal = refused_spec(url);
    EXPECT_EQ(refusal.code, Errc::unsupported) << url;
    EXPECT_THAT(refusal.text, AllOf(HasSubstr("sqlite:////PATH"), Not(HasSubstr("s3cret"))));
  }
  EXPECT_THAT(refused_spec("mysql+pymysql://g:p@h/d").text, HasSubstr("'mysql+pymysql'"));
}

TEST_F(ConfigTest, DatabasesInMemoryAreUnsupported) {
  EXPECT_EQ(refused_spec("sqlite:///:memory:").code, Errc::unsupported);
  EXPECT_EQ(refused_spec("sqlite:///").code, Errc::unsupported);
}

TEST_F(ConfigTest, MalformedUrlsAreInvalidAndStaySecret) {
  for (const char* url :
       {"sqlite://", "sqlite://user:s3cret@host/x", "user:s3cret@x://y", "://x"}) {
    const Refusal refusal = refused_spec(url);
    EXPECT_EQ(refusal.code, Errc::invalid) << url;
    EXPECT_THAT(refusal.text, Not(HasSubstr("s3cret")));
  }
  EXPECT_EQ(refused_spec("").code, Errc::invalid);
}

// ── files ─────────────────────────────────────────────────────────────────────────────────────

TEST_F(ConfigTest, WhatTheFileDoesNotSetKeepsItsDefault) {
  const Config config = read("");
  const Config defaults;
  EXPECT_EQ(config.filesystem_store_datadir, defaults.filesystem_store_datadir);
  EXPECT_EQ(config.bind_host, "127.0.0.1");
  EXPECT_EQ(config.bind_port, 9292);
  EXPECT_EQ(config.limits.disk_formats, defaults.limits.disk_formats);
  EXPECT_EQ(config.hashing_algorithm, "sha512");
  EXPECT_EQ(config.public_endpoint, std::nullopt);
  EXPECT_FALSE(config.show_multiple_locations);
}

TEST_F(ConfigTest, EveryKnownKeyIsRead) {
  const Config config = read(R"(
[DEFAULT]
bind_host = ::
bind_port = 80
workers = 4
public_endpoint = https://images.example.org/glance/
image_size_cap = 42
image_property_quota = -1
image_tag_quota = 7
image_member_quota = 8
image_location_quota = 9
user_storage_quota = 3 GB
enabled_import_methods = [web-download]
node_staging_uri = file:///srv/staging/
api_limit_max = 500
limit_param_default = 50
show_image_direct_url = True
show_multiple_locations = on
hashing_algorithm = sha256
unknown_key = is ignored
[image_format]
disk_formats = raw,qcow2 , iso
container_formats = [bare, ova]
[glance_store]
stores = file,http
default_store = file
filesystem_store_datadir = /srv/glance//images/../data
filesystem_store_chunk_size = 4096
filesystem_thin_provisioning = True
[healthcheck]
disable_by_file_path = /run/glance/disabled
[keystone_authtoken]
password = anything
)");
  EXPECT_EQ(config.bind_host, "::");
  EXPECT_EQ(config.bind_port, 80);
  EXPECT_EQ(config.workers, 4U);
  EXPECT_EQ(config.public_endpoint, "https://images.example.org/glance");
  EXPECT_EQ(config.limits.image_size_cap, 42U);
  EXPECT_EQ(config.limits.image_property_quota, -1);
  EXPECT_EQ(config.limits.image_tag_quota, 7);
  EXPECT_EQ(config.limits.image_member_quota, 8);
  EXPECT_EQ(config.limits.image_location_quota, 9);
  EXPECT_EQ(config.user_storage_quota, 3ULL << 30U);
  EXPECT_THAT(config.enabled_import_methods, ElementsAre("web-download"));
  EXPECT_EQ(config.staging_datadir, "/srv/staging/");
  EXPECT_EQ(config.filesystem_store_chunk_size, 4096U);
  EXPECT_TRUE(config.filesystem_thin_provisioning);
  EXPECT_EQ(config.healthcheck_disable_file, "/run/glance/disabled");
  EXPECT_FALSE(config.enabled_backends);
  EXPECT_EQ(config.api_limit_max, 500U);
  EXPECT_EQ(config.limit_param_default, 50U);
  EXPECT_TRUE(config.show_image_direct_url);
  EXPECT_TRUE(config.show_multiple_locations);
  EXPECT_EQ(config.hashing_algorithm, "sha256");
  EXPECT_THAT(config.limits.disk_formats, ElementsAre("raw", "qcow2", "iso"));
  EXPECT_THAT(config.limits.container_formats, ElementsAre("bare", "ova"));
  EXPECT_EQ(config.filesystem_store_datadir, "/srv/glance/data");
  EXPECT_EQ(config.store_id, "file");
}

TEST_F(ConfigTest, BadValuesNameFileLineKeyAndWhatIsAllowed) {
  const Refusal refusal = refused("[DEFAULT]\n\nbind_port = http\n");
  EXPECT_EQ(refusal.code, Errc::invalid);
  EXPECT_EQ(refusal.text, (dir_ / "glance-api.conf").string() +
                              ":5: [DEFAULT] bind_port: 'http' is not a number in range; "
                              "allowed: 0 to 65535");
}

TEST_F(ConfigTest, EveryKnownKeyIsChecked) {
  for (const char* line : {"bind_host = a b",
                           "bind_host =",
                           "bind_port = 65536",
                           "bind_port = -1",
                           "workers = many",
                           "public_endpoint = images.example.org",
                           "image_size_cap = 0",
                           "image_size_cap = 1 TB",
                           "image_property_quota = x",
                           "image_tag_quota = 1.5",
                           "api_limit_max = 0",
                           "limit_param_default = -1",
                           "show_image_direct_url = maybe",
                           "image_member_quota = x",
                           "image_location_quota = x",
                           "user_storage_quota = much",
                           "user_storage_quota = 1 PB",
                           "user_storage_quota = 9999999999 TB",
                           "user_storage_quota = -1",
                           "node_staging_uri = /srv",
                           "node_staging_uri = http://x/",
                           "show_multiple_locations =",
                           "hashing_algorithm = crc32",
                           "enabled_backends = fast",
                           "enabled_backends = os_glance_x:file"}) {
    const Refusal refusal = refused(std::string("[DEFAULT]\n") + line + "\n");
    EXPECT_EQ(refusal.code, Errc::invalid) << line;
    EXPECT_THAT(refusal.text, AllOf(HasSubstr(":4: [DEFAULT] "), HasSubstr("; allowed: "))) << line;
  }
  EXPECT_EQ(refused("[glance_store]\nfilesystem_store_datadir = images\n").code, Errc::invalid);
}

TEST_F(ConfigTest, AnEmptyNumberIsUnset) {
  EXPECT_EQ(read("[DEFAULT]\nworkers =\nbind_port =\n").bind_port, 9292);
}

TEST_F(ConfigTest, TheDatabaseMayHaveItsOldSpelling) {
  const auto url_of = [&](const std::string& text) {
    return read_config_file(write("old.conf", text)).database_url;
  };
  EXPECT_EQ(url_of("[DEFAULT]\nsql_connection = sqlite:////old\n"), "sqlite:////old");
  EXPECT_EQ(url_of("[DATABASE]\nsql_connection = sqlite:////older\n"), "sqlite:////older");
  EXPECT_EQ(url_of("[DEFAULT]\nsql_connection = sqlite:////old\n"
                   "[database]\nconnection = sqlite:////new\n"),
            "sqlite:////new");
}

TEST_F(ConfigTest, ADatabaseMustBeSet) {
  const fs::path path = write("none.conf", "[DEFAULT]\n");
  const Refusal refusal = refusal_of([&] { (void)read_config_file(path); });
  EXPECT_EQ(refusal.code, Errc::invalid);
  EXPECT_THAT(refusal.text, HasSubstr("[database] connection"));
}

TEST_F(ConfigTest, PasswordsOfDatabasesNeverShow) {
  for (const char* value : {"mysql+pymysql://glance:s3cret@localhost/glance",
                            "glance:s3cret@localhost", "sqlite://glance:s3cret@localhost/x"}) {
    const fs::path path = write("secret.conf", std::string("[database]\nconnection = ") + value);
    const Refusal refusal = refusal_of([&] { (void)read_config_file(path); });
    EXPECT_TRUE(refusal.code) << value;
    EXPECT_THAT(refusal.text, AllOf(HasSubstr("secret.conf:2: [database] connection:"),
                                    Not(HasSubstr("s3cret"))));
  }
}

TEST_F(ConfigTest, OfSeveralStoresTheDefaultOneCounts) {
  const Config config = read(R"(
[DEFAULT]
enabled_backends = ceph:rbd, fast:file
[glance_store]
default_backend = fast
filesystem_store_datadir = /not/this
[fast]
filesystem_store_datadir = /srv/fast
store_description = on flash
[os_glance_staging_store]
filesystem_store_datadir = /srv/staging
)");
  EXPECT_TRUE(config.enabled_backends);
  EXPECT_EQ(config.store_description, "on flash");
  EXPECT_EQ(config.staging_datadir, "/srv/staging");
  EXPECT_EQ(config.store_id, "fast");
  EXPECT_EQ(config.filesystem_store_datadir, "/srv/fast");
}

TEST_F(ConfigTest, ANamedStoreHasADirectoryOfItsName) {
  EXPECT_EQ(
      read("[DEFAULT]\nenabled_backends = slow:file\n[glance_store]\ndefault_backend = slow\n")
          .filesystem_store_datadir,
      "/var/lib/glance/slow");
}

TEST_F(ConfigTest, TheStagingAreaIsTheCatalogsOwn) {
  EXPECT_EQ(read("").staging_datadir, "/var/lib/glance/images/.staging");
  EXPECT_EQ(read("[DEFAULT]\nenabled_backends = a:file\n[glance_store]\ndefault_backend = a\n")
                .staging_datadir,
            "/var/lib/glance/os_glance_staging_store");
}

TEST_F(ConfigTest, TheDefaultBackendMustBeOneOfThem) {
  EXPECT_THAT(refused("[DEFAULT]\nenabled_backends = a:file\n").text, HasSubstr("default_backend"));
  const Refusal refusal =
      refused("[DEFAULT]\nenabled_backends = a:file,b:file\n[glance_store]\ndefault_backend = c\n");
  EXPECT_EQ(refusal.code, Errc::invalid);
  EXPECT_THAT(refusal.text, EndsWith("'c' is not in enabled_backends; allowed: a, b"));
}

TEST_F(ConfigTest, OtherTypesOfStoresAreUnsupportedByName) {
  const Refusal multi =
      refused("[DEFAULT]\nenabled_backends = c:rbd\n[glance_store]\ndefault_backend = c\n");
  EXPECT_EQ(multi.code, Errc::unsupported);
  EXPECT_THAT(multi.text, HasSubstr("'rbd'"));
  const Refusal single = refused("[glance_store]\ndefault_store = swift\n");
  EXPECT_EQ(single.code, Errc::unsupported);
  EXPECT_THAT(single.text, HasSubstr("'swift'"));
  EXPECT_EQ(refused("[glance_store]\nstores = rbd,http\n").code, Errc::unsupported);
}

TEST_F(ConfigTest, SeveralDirectoriesAreNotIgnored) {
  const Refusal refusal = refused("[glance_store]\nfilesystem_store_datadirs = /a:1\n");
  EXPECT_EQ(refusal.code, Errc::unsupported);
  EXPECT_THAT(refusal.text, HasSubstr("filesystem_store_datadir"));
}

// ── the mount's own ───────────────────────────────────────────────────────────────────────────

TEST_F(ConfigTest, KeepsTheSectionGlancefsWithPlaces) {
  const Config config = read("[glancefs]\ndrain = 5\ndrain = 6\n[other]\ndrain = 7\n");
  ASSERT_EQ(config.glancefs.size(), 1U);
  EXPECT_EQ(config.glancefs.at("drain").text, "6");
  EXPECT_EQ(config.glancefs.at("drain").place, config.source + ":5: [glancefs] drain:");
  EXPECT_TRUE(read("").glancefs.empty());
}

TEST_F(ConfigTest, LocalPathsAreTheDatabaseAndTheStore) {
  EXPECT_THAT(local_paths(read("[glance_store]\nfilesystem_store_datadir = /srv/images\n")),
              ElementsAre("/srv/g.sqlite", "/srv/images"));
}

}  // namespace
}  // namespace glance
