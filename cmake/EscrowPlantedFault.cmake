# Planted faults: the simulation is linked once more per fault, with the fault compiled in, and must find it.
#
# escrow_planted_fault_sources(FILES file...)
#   The files, from the root of the repository, in which faults are planted: all that ask
#   base/planted_fault.h. They alone are compiled anew for each fault.
# escrow_planted_fault(NAME SOURCES source... DEPS target...)
#   The program sim_fault_NAME from these, built with -DESCROW_PLANTED_FAULT=NAME. Not part of `all`:
#   the target planted_faults builds every one of them.
#
# A program's own objects come before the libraries, so that the linker never takes the library's copy
# of a file with a fault: everything else is built once, for the tests and all faults together.
add_custom_target(planted_faults)

function(escrow_planted_fault_sources)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "" "FILES")
  # A file that is forgotten here would be tested without its fault.
  file(GLOB_RECURSE sources RELATIVE "${PROJECT_SOURCE_DIR}"
    "${PROJECT_SOURCE_DIR}/storage/*.cc" "${PROJECT_SOURCE_DIR}/broker/*.cc"
    "${PROJECT_SOURCE_DIR}/coordinator/*.cc" "${PROJECT_SOURCE_DIR}/engine/*.cc")
  foreach(source IN LISTS sources)
    file(STRINGS "${PROJECT_SOURCE_DIR}/${source}" found REGEX "planted_fault::")
    if(found AND NOT source IN_LIST arg_FILES)
      message(FATAL_ERROR "${source} has a planted fault and is not listed in tests/sim/CMakeLists.txt")
    endif()
  endforeach()
  list(TRANSFORM arg_FILES PREPEND "${PROJECT_SOURCE_DIR}/" OUTPUT_VARIABLE files)
  set(ESCROW_PLANTED_FAULT_FILES "${files}" PARENT_SCOPE)
endfunction()

function(escrow_planted_fault name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;DEPS")
  add_executable(sim_fault_${name} EXCLUDE_FROM_ALL ${ESCROW_PLANTED_FAULT_FILES} ${arg_SOURCES})
  target_compile_definitions(sim_fault_${name} PRIVATE ESCROW_PLANTED_FAULT=${name})
  target_link_libraries(sim_fault_${name} PRIVATE ${arg_DEPS})
  add_dependencies(planted_faults sim_fault_${name})
endfunction()
