// SPDX-License-Identifier: Apache-2.0
#include "catalog/model/known_properties.h"

#include <algorithm>
#include <array>

namespace glance {

namespace {

constexpr std::array<std::string_view, 2> kKeyPolicies = {"on_image_deletion", "do_not_delete"};

constexpr std::array<KnownProperty, 9> kKnown = {{
    {"kernel_id", "Image of the kernel to boot this image with", true, {}},
    {"ramdisk_id", "Image of the ramdisk to boot this image with", true, {}},
    {"instance_uuid", "Server that this image was made from", false, {}},
    {"architecture", "Processor architecture that the image is for", false, {}},
    {"os_distro", "Operating system distribution", false, {}},
    {"os_version", "Version of the operating system, as its distributor writes it", false, {}},
    {"description", "What the image is, for people", false, {}},
    {"cinder_encryption_key_id", "Key of an encrypted volume's image", false, {}},
    {"cinder_encryption_key_deletion_policy", "What becomes of the key when the image goes", false,
     kKeyPolicies},
}};

}  // namespace

std::span<const KnownProperty> known_properties() noexcept {
  return kKnown;
}

const KnownProperty* find_known_property(std::string_view name) noexcept {
  const auto* found = std::ranges::find(kKnown, name, &KnownProperty::name);
  return found == kKnown.end() ? nullptr : found;
}

}  // namespace glance
