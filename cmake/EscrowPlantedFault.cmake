# Planted faults: the simulation is built once more per fault, with the fault compiled in, and must find it.
#
# escrow_planted_fault_sources(DIRECTORIES directory... [EXCLUDE regex])
#   The directories, from the root of the repository, that are compiled anew for each fault.
# escrow_planted_fault(NAME)
#   The program sim_fault_NAME, built with -DESCROW_PLANTED_FAULT=NAME; see base/planted_fault.h. Not
#   part of `all`: the target planted_faults builds every one of them.
#
# Each directory is compiled as one unit, and all faults share the generated unit files. CMake's own
# UNITY_BUILD would make a copy per program; shared ones let ccache answer for every directory whose
# preprocessed text a fault does not change. The price: two .cc files of one directory cannot both
# define the same name in an anonymous namespace.
add_custom_target(planted_faults)

function(escrow_planted_fault_sources)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "EXCLUDE" "DIRECTORIES")
  set(units "")
  foreach(directory IN LISTS arg_DIRECTORIES)
    file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/${directory}/*.cc")
    if(arg_EXCLUDE)
      list(FILTER sources EXCLUDE REGEX "${arg_EXCLUDE}")
    endif()
    if(sources)
      list(TRANSFORM sources REPLACE "(.+)" "#include \"\\1\"\n")
      string(JOIN "" content ${sources})
      string(REPLACE "/" "_" stem "${directory}")
      set(unit "${CMAKE_CURRENT_BINARY_DIR}/planted/${stem}.cc")
      file(CONFIGURE OUTPUT "${unit}" CONTENT "${content}" @ONLY)
      list(APPEND units "${unit}")
    endif()
  endforeach()
  set(ESCROW_PLANTED_FAULT_UNITS "${units}" PARENT_SCOPE)
endfunction()

function(escrow_planted_fault name)
  add_executable(sim_fault_${name} EXCLUDE_FROM_ALL ${ESCROW_PLANTED_FAULT_UNITS})
  target_compile_definitions(sim_fault_${name} PRIVATE ESCROW_PLANTED_FAULT=${name})
  target_include_directories(sim_fault_${name} PRIVATE "${PROJECT_SOURCE_DIR}")
  target_link_libraries(sim_fault_${name} PRIVATE PkgConfig::sodium Threads::Threads)
  add_dependencies(planted_faults sim_fault_${name})
endfunction()
