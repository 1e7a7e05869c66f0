// SPDX-License-Identifier: Apache-2.0
#include "catalog/config/spec.h"

#include <array>
#include <fstream>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

#include "catalog/base/error.h"
#include "catalog/config/config_file.h"
#include "catalog/config/database_url.h"
#include "catalog/config/store_config.h"

namespace glance {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kDatabaseName = "glance.sqlite";
constexpr std::string_view kCreateHint =
    "`-o create` (mount) or `--create` makes a new catalog there";

Config embedded_config(const std::string& spec, bool create) {
  fs::path directory = fs::absolute(spec).lexically_normal();
  if (!directory.has_filename()) directory = directory.parent_path();  // "/srv/glance/"
  const fs::path database = directory / kDatabaseName;
  std::error_code failure;
  const bool there = fs::exists(database, failure);
  if (failure) throw_errno(failure.value(), database.string());
  if (!there && !create) {
    throw Error(Errc::not_found, fmt::format("there is no {} in {}; {}", kDatabaseName,
                                             directory.string(), kCreateHint));
  }
  Config config;
  config.source = spec;
  config.database_url = sqlite_url(database);
  config.filesystem_store_datadir = directory / "images";
  config.staging_datadir = directory / "staging";
  return config;
}

/// Somebody who names the database file itself means its URL; as a configuration file it would
/// only earn a puzzling syntax error.
void refuse_database_file(const fs::path& path) {
  constexpr std::string_view kMagic = "SQLite format 3";
  std::array<char, kMagic.size()> head{};
  std::ifstream file(path, std::ios::binary);
  file.read(head.data(), static_cast<std::streamsize>(head.size()));
  if (std::string_view(head.data(), head.size()) == kMagic) {
    throw Error(Errc::invalid,
                fmt::format("{} is a SQLite database, not a glance-api.conf; allowed: {}",
                            path.string(), sqlite_url(path)));
  }
}

}  // namespace

Config read_spec(const std::string& spec, bool create) {
  if (spec.empty()) {
    throw Error(Errc::invalid,
                "the SPEC is empty; allowed: a directory, a glance-api.conf, sqlite:////PATH");
  }
  if (spec.find(kSchemeEnd) != std::string::npos) {
    Config config;
    config.database_url = canonical_database_url(spec);
    config.staging_datadir = default_staging(config.filesystem_store_datadir);
    config.source = spec.substr(0, spec.find('?'));
    return config;
  }
  std::error_code failure;
  const fs::file_status status = fs::status(spec, failure);
  switch (status.type()) {
    case fs::file_type::directory:
      return embedded_config(spec, create);
    case fs::file_type::not_found:
      if (create) return embedded_config(spec, create);
      throw Error(Errc::not_found, fmt::format("{} does not exist; {}", spec, kCreateHint));
    case fs::file_type::none:
      throw_errno(failure.value(), spec);
    case fs::file_type::regular:
    case fs::file_type::symlink:
    case fs::file_type::block:
    case fs::file_type::character:
    case fs::file_type::fifo:
    case fs::file_type::socket:
    case fs::file_type::unknown:
      break;
  }
  if (status.type() == fs::file_type::regular) refuse_database_file(spec);
  return read_config_file(spec);
}

std::vector<std::filesystem::path> local_paths(const Config& config) {
  return {sqlite_path(config.database_url), config.filesystem_store_datadir};
}

}  // namespace glance
