# Flags for everything built here. They are set per directory tree, not per target, because mixing
# sanitized and plain objects, or two standards, in one program is never what anyone wants.
include(CheckLinkerFlag)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

# -g1 keeps line numbers for stack traces at a fraction of the size. There is no NDEBUG: our own
# invariants are always on, and assert() should not mean something else in what is shipped.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1")
set(CMAKE_C_FLAGS_RELEASE "-O2 -g1")
set(CMAKE_CXX_FLAGS_DEBUG "-g")
set(CMAKE_C_FLAGS_DEBUG "-g")

# Wconversion stays off: with sequence numbers, sizes and iterators it is mostly noise.
add_compile_options(-Wall -Wextra -Wpedantic -Wshadow)
if(ESCROW_WERROR)
  add_compile_options(-Werror)
endif()

if(CMAKE_BUILD_TYPE STREQUAL "Debug")
  add_compile_definitions(_GLIBCXX_ASSERTIONS)
endif()

if(ESCROW_SANITIZE)
  # Unoptimised sanitized code is too slow for the simulation to reach anything in the time it gets.
  add_compile_options(-O1 -fno-omit-frame-pointer -fsanitize=${ESCROW_SANITIZE})
  add_link_options(-fsanitize=${ESCROW_SANITIZE})
  add_compile_definitions(ESCROW_SANITIZED)
  if(ESCROW_SANITIZE MATCHES "undefined")
    add_compile_options(-fno-sanitize-recover=all)
  endif()
  if(ESCROW_SANITIZE MATCHES "thread")
    # Protobuf's headers give maps another layout where they see it than the distribution's library has.
    add_compile_options(-U__SANITIZE_THREAD__)
    add_compile_definitions(_GLIBCXX_TSAN=1)
  endif()
endif()

if(ESCROW_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

if(ESCROW_LTO)
  set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON)
endif()

# Precompiled headers are cached only with these settings, and a second checkout finds what the first one built.
find_program(ESCROW_CCACHE ccache)
if(ESCROW_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(launcher "${CMAKE_COMMAND}" -E env CCACHE_SLOPPINESS=pch_defines,time_macros "CCACHE_BASEDIR=${PROJECT_SOURCE_DIR}"
      CCACHE_NOHASHDIR=1 "${ESCROW_CCACHE}")
  set(CMAKE_C_COMPILER_LAUNCHER "${launcher}")
  set(CMAKE_CXX_COMPILER_LAUNCHER "${launcher}")
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-fpch-preprocess)
  endif()
endif()

foreach(linker IN ITEMS mold lld)
  check_linker_flag(CXX "-fuse-ld=${linker}" ESCROW_LINKER_${linker})
  if(ESCROW_LINKER_${linker})
    add_link_options("-fuse-ld=${linker}")
    break()
  endif()
endforeach()
