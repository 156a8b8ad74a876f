# escrow_library(NAME [DEPS target...] [SOURCES file...] [EXCLUDE file...])
#
# A layer of the project. Without SOURCES it takes every *.cc beside its CMakeLists.txt, but not below;
# EXCLUDE takes some of them out. A directory without *.cc becomes an INTERFACE library, so that layers
# of headers only, or not yet written, can be named as DEPS like any other.
# Headers are included by their path from the root of the repository: #include "engine/engine.h".
function(escrow_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "DEPS;SOURCES;EXCLUDE")
  set(sources ${arg_SOURCES})
  if(NOT sources)
    file(GLOB sources CONFIGURE_DEPENDS RELATIVE "${CMAKE_CURRENT_SOURCE_DIR}" *.cc)
  endif()
  if(arg_EXCLUDE)
    list(REMOVE_ITEM sources ${arg_EXCLUDE})
  endif()

  if(sources)
    add_library(${name} STATIC ${sources})
    set(scope PUBLIC)
  else()
    add_library(${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(${name} ${scope} "${PROJECT_SOURCE_DIR}")
  target_link_libraries(${name} ${scope} ${arg_DEPS})
endfunction()

# escrow_executable(NAME MAIN file [DEPS target...])
#
# A program that is shipped; it lands directly in the build directory (build/release/escrowd). Does
# nothing while MAIN does not exist.
function(escrow_executable name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "MAIN" "DEPS")
  file(GLOB main CONFIGURE_DEPENDS "${arg_MAIN}")
  if(NOT main)
    return()
  endif()
  add_executable(${name} ${main})
  target_link_libraries(${name} PRIVATE ${arg_DEPS})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}")
endfunction()
