// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "catalog/config/image_limits.h"

namespace glance {

/// A value that its reader has yet to understand.
struct Setting {
  std::string text;
  std::string place;  ///< "FILE:LINE: [section] key:", the beginning of a message about it
};

/// Everything that a SPEC says, in one struct. There are no globals: whoever needs a value is
/// given it.
struct Config {
  std::string source;        ///< the SPEC, for messages; never holds a password
  std::string database_url;  ///< as SQLAlchemy writes it, e.g. sqlite:////srv/glance.sqlite
  std::filesystem::path filesystem_store_datadir = "/var/lib/glance/images";
  std::string store_id = "file";  ///< what `{"store": …}` in a location's metadata says
  bool enabled_backends = false;  ///< stores have ids that clients may name
  std::string store_description;  ///< for people; may be empty
  std::uint64_t filesystem_store_chunk_size = 65536;  ///< bytes; told to clients, no more
  bool filesystem_thin_provisioning = false;          ///< likewise
  /// Where data wait that are uploaded, but not imported yet: of the catalog's own by default.
  std::filesystem::path staging_datadir;
  std::vector<std::string> enabled_import_methods = {"glance-direct", "web-download", "copy-image"};
  std::uint64_t user_storage_quota = 0;  ///< bytes that a project's images may take; 0: any
  ImageLimits limits;
  std::string hashing_algorithm = "sha512";
  std::uint32_t limit_param_default = 25;
  std::uint32_t api_limit_max = 1000;
  bool show_image_direct_url = false;
  bool show_multiple_locations = false;
  std::string bind_host = "127.0.0.1";
  std::uint16_t bind_port = 9292;
  std::optional<std::string> public_endpoint;
  std::filesystem::path healthcheck_disable_file;  ///< empty: none
  std::uint32_t workers = 0;                       ///< 0: as many as there are cores
  std::chrono::seconds recovery_interval{30};      ///< [glancefs]
  /// The section [glancefs], by key: what the mount reads its defaults from.
  std::map<std::string, Setting> glancefs;
};

}  // namespace glance
