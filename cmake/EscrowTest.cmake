# escrow_test(NAME LABEL unit|sim|fault|e2e SOURCES file... [DEPS target...] [TIMEOUT seconds])
#
# A GoogleTest binary, which is one ctest. Asking every binary for its cases after each link would make
# small changes slow; `./dev test --filter NAME:PATTERN` runs single cases.
function(escrow_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "LABEL;TIMEOUT" "SOURCES;DEPS")
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_DEPS} GTest::gmock_main rapidcheck rapidcheck_gtest)
  target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}")
  escrow_ctest(${name} LABEL ${arg_LABEL} TIMEOUT ${arg_TIMEOUT} COMMAND ${name})
endfunction()

# escrow_ctest(NAME LABEL label [TIMEOUT seconds] COMMAND command...)
function(escrow_ctest name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "LABEL;TIMEOUT" "COMMAND")
  set(timeout 60)
  if(arg_TIMEOUT)
    set(timeout ${arg_TIMEOUT})
  endif()
  if(ESCROW_SANITIZE)
    math(EXPR timeout "${timeout} * 5")
  endif()
  set(environment
    "ESCROW_BUILD_DIR=${PROJECT_BINARY_DIR}"
    "ESCROW_SOURCE_DIR=${PROJECT_SOURCE_DIR}"
    "GTEST_OUTPUT=xml:${PROJECT_BINARY_DIR}/test-results/${name}.xml"
    "UBSAN_OPTIONS=print_stacktrace=1"
    "TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:suppressions=${PROJECT_SOURCE_DIR}/cmake/tsan.supp")
  add_test(NAME ${name} COMMAND ${arg_COMMAND})
  set_tests_properties(${name} PROPERTIES
    LABELS "${arg_LABEL}" TIMEOUT ${timeout} ENVIRONMENT "${environment}")
endfunction()

# escrow_test_directory(LABEL [DEPS target...] [PROGRAMS target...] [TIMEOUT seconds])
#
# Everything in the current directory, by its name:
#   X_test.cc   a GoogleTest binary LABEL_X of its own, so that slow ones run side by side
#   X_test.sh   a script run as the ctest LABEL_X, with ESCROW_BUILD_DIR in its environment
#   X_main.cc   a program X, for scripts and tests to start
#   other *.cc  what these share
# All of it is built after PROGRAMS, the executables that tests start.
function(escrow_test_directory label)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT" "DEPS;PROGRAMS")
  file(GLOB sources CONFIGURE_DEPENDS RELATIVE "${CMAKE_CURRENT_SOURCE_DIR}" *.cc)
  file(GLOB scripts CONFIGURE_DEPENDS *_test.sh)
  set(tests ${sources})
  set(mains ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(FILTER mains INCLUDE REGEX "_main\\.cc$")

  set(support escrow_${label}_support)
  escrow_library(${support} EXCLUDE ${tests} ${mains} DEPS ${arg_DEPS} GTest::gmock)

  set(targets "")
  foreach(source IN LISTS tests)
    string(REGEX REPLACE "_test\\.cc$" "" stem "${source}")
    escrow_test(${label}_${stem} LABEL ${label} SOURCES ${source} DEPS ${support} TIMEOUT ${arg_TIMEOUT})
    list(APPEND targets ${label}_${stem})
  endforeach()
  foreach(source IN LISTS mains)
    string(REGEX REPLACE "_main\\.cc$" "" stem "${source}")
    add_executable(${stem} ${source})
    target_link_libraries(${stem} PRIVATE ${support})
    list(APPEND targets ${stem})
  endforeach()
  foreach(script IN LISTS scripts)
    get_filename_component(stem "${script}" NAME)
    string(REGEX REPLACE "_test\\.sh$" "" stem "${stem}")
    escrow_ctest(${label}_${stem} LABEL ${label} TIMEOUT ${arg_TIMEOUT} COMMAND bash "${script}")
  endforeach()
  foreach(program IN LISTS arg_PROGRAMS)
    if(TARGET ${program} AND targets)
      foreach(target IN LISTS targets)
        add_dependencies(${target} ${program})
      endforeach()
    endif()
  endforeach()
endfunction()
