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

# Reads the headers that most files of a target include only once: a quarter of the compiler's time.
# The preset `clang` does without, so that clang-tidy sees what a file forgets to include.
function(glance_precompile target)
  target_precompile_headers(${target} PRIVATE
    <algorithm> <array> <chrono> <condition_variable> <filesystem> <functional> <map> <memory>
    <mutex> <optional> <span> <string> <string_view> <thread> <unordered_map> <variant> <vector>
    ${ARGN})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(${target} PRIVATE -fpch-preprocess)  # for ccache
  endif()
endfunction()
