// SPDX-License-Identifier: Apache-2.0
#include "fusefs/base/errno_table.h"

#include <cerrno>
#include <new>
#include <stdexcept>
#include <system_error>

#include <gtest/gtest.h>

namespace glance::fs {
namespace {

template <typename Exception>
int errno_for(const Exception& exception) {
  try {
    throw exception;
  } catch (...) {
    return errno_of_current_exception("test");
  }
}

TEST(ErrnoTable, EveryCodeHasAnErrno) {
  for (int code = 0; code <= static_cast<int>(Errc::io); ++code) {
    EXPECT_GT(errno_of(static_cast<Errc>(code)), 0);
  }
}

TEST(ErrnoTable, ToolsGetTheWordTheyUnderstand) {
  EXPECT_EQ(errno_of(Errc::not_found), ENOENT);
  EXPECT_EQ(errno_of(Errc::protected_), EPERM);
  EXPECT_EQ(errno_of(Errc::immutable), EACCES) << "losetup falls back to read-only on EACCES";
  EXPECT_EQ(errno_of(Errc::not_ready), EBUSY);
  EXPECT_EQ(errno_of(Errc::no_space), ENOSPC);
  EXPECT_EQ(errno_of(Errc::over_quota), EDQUOT);
  EXPECT_EQ(errno_of(Errc::gone), ESTALE);
  EXPECT_EQ(errno_of(Errc::mismatch), EIO);
  EXPECT_EQ(errno_of(Errc::missing), EIO);
}

TEST(ErrnoTable, ExceptionsBecomeErrnos) {
  EXPECT_EQ(errno_for(Error(Errc::no_space, "full")), ENOSPC);
  EXPECT_EQ(errno_for(std::system_error(EILSEQ, std::generic_category())), EILSEQ);
  EXPECT_EQ(errno_for(std::bad_alloc()), ENOMEM);
  EXPECT_EQ(errno_for(std::logic_error("unforeseen")), EIO);
}

}  // namespace
}  // namespace glance::fs
