// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace glance {

/// The limits and lists that values are checked against; keys and defaults are Glance's
/// (docs/image-api.md, "Limits"). A negative quota means unlimited.
struct ImageLimits {
  std::uint64_t image_size_cap = 1099511627776;  ///< bytes
  std::int64_t image_property_quota = 128;
  std::int64_t image_tag_quota = 128;
  std::int64_t image_member_quota = 128;
  std::int64_t image_location_quota = 10;
  std::vector<std::string> disk_formats = {"ami", "ari",   "aki", "vhd", "vhdx", "vmdk",
                                           "raw", "qcow2", "vdi", "iso", "ploop"};
  std::vector<std::string> container_formats = {"ami", "ari", "aki",    "bare",
                                                "ovf", "ova", "docker", "compressed"};
};

}  // namespace glance
