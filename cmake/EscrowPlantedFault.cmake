# Planted faults: a program that looks for faults is linked once more per fault, with the fault compiled in, and must find
# it.
#
# escrow_planted_fault(NAME PROGRAM program SOURCES source... DEPS target...)
#   The program PROGRAM_fault_NAME from these, built with -DESCROW_PLANTED_FAULT=NAME. Not part of `all`: the target
#   planted_faults builds every one of them.
#
# Only the files in which the fault is planted are compiled anew: those that name its constant of base/planted_fault.h. A
# program's own objects come before the libraries, so that the linker never takes the library's copy of them: everything
# else is built once, for the tests and all faults together.
add_custom_target(planted_faults)

function(escrow_planted_fault name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "PROGRAM" "SOURCES;DEPS")
  escrow_sources_with_planted_fault(${name} files)
  set(program ${arg_PROGRAM}_fault_${name})
  add_executable(${program} EXCLUDE_FROM_ALL ${files} ${arg_SOURCES})
  target_compile_definitions(${program} PRIVATE ESCROW_PLANTED_FAULT=${name})
  target_link_libraries(${program} PRIVATE ${arg_DEPS})
  add_dependencies(planted_faults ${program})
endfunction()

# skip_fsync is planted where planted_fault::kSkipFsync is asked.
function(escrow_sources_with_planted_fault name result)
  set(constant k)
  string(REPLACE "_" ";" words ${name})
  foreach(word IN LISTS words)
    string(SUBSTRING ${word} 0 1 initial)
    string(SUBSTRING ${word} 1 -1 rest)
    string(TOUPPER ${initial} initial)
    string(APPEND constant ${initial}${rest})
  endforeach()
  set(files "")
  file(GLOB_RECURSE sources
    "${PROJECT_SOURCE_DIR}/storage/*.cc" "${PROJECT_SOURCE_DIR}/broker/*.cc"
    "${PROJECT_SOURCE_DIR}/coordinator/*.cc" "${PROJECT_SOURCE_DIR}/engine/*.cc")
  foreach(source IN LISTS sources)
    file(STRINGS "${source}" found REGEX "planted_fault::${constant}")
    if(found)
      list(APPEND files "${source}")
    endif()
  endforeach()
  if(NOT files)
    message(FATAL_ERROR "No source asks planted_fault::${constant}")
  endif()
  set(${result} ${files} PARENT_SCOPE)
endfunction()
