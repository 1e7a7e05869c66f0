# Warnings and sanitizers, as a target to link to.
add_library(glance_flags INTERFACE)
target_include_directories(glance_flags INTERFACE ${PROJECT_SOURCE_DIR}
                                                  ${PROJECT_BINARY_DIR}/generated)
target_compile_options(glance_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Woverloaded-virtual
  -Wold-style-cast -Wswitch-enum
  # A designated initializer leaves the rest at its defaults on purpose.
  -Wno-missing-field-initializers)
if(GLANCE_WERROR)
  target_compile_options(glance_flags INTERFACE -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  target_compile_options(glance_flags INTERFACE -Wthread-safety)
endif()
if(GLANCE_SANITIZE)
  target_compile_options(glance_flags INTERFACE -fsanitize=${GLANCE_SANITIZE}
                                                -fno-omit-frame-pointer)
  target_link_options(glance_flags INTERFACE -fsanitize=${GLANCE_SANITIZE})
  if(GLANCE_SANITIZE MATCHES "undefined")
    # The check needs type information that libsoci does not export.
    target_compile_options(glance_flags INTERFACE -fno-sanitize=vptr)
    target_link_options(glance_flags INTERFACE -fno-sanitize=vptr)
  endif()
  # g++ 12's sanitizer builds raise false alarms of these kinds inside the standard library.
  target_compile_options(glance_flags INTERFACE -Wno-maybe-uninitialized -Wno-tsan)
endif()
target_link_libraries(glance_flags INTERFACE Threads::Threads)
