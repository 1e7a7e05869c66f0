// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "catalog/os/disk.h"
#include "catalog/os/machine.h"

namespace glance {

/// What the catalog works on: the disk and the machine of this process, or those of a test, which
/// fail or are somewhere else. The disk must outlive its users.
struct Outside {
  const Disk& disk = Disk::kernel();
  std::shared_ptr<const Machine> machine = Machine::this_one();
};

}  // namespace glance
