# escrow_proto_library(NAME ROOT directory)
#
# Protobuf and gRPC code for every .proto anywhere below ROOT, which is also the import root:
# ROOT/escrow/v1/coordinator.proto is imported as "escrow/v1/coordinator.proto" and its code included as
# "escrow/v1/coordinator.pb.h" or "escrow/v1/coordinator.grpc.pb.h". An INTERFACE library while there is
# no .proto.
function(escrow_proto_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "ROOT" "")
  file(GLOB_RECURSE protos CONFIGURE_DEPENDS RELATIVE "${arg_ROOT}" "${arg_ROOT}/*.proto")
  if(NOT protos)
    add_library(${name} INTERFACE)
    return()
  endif()

  set(generated_root "${CMAKE_CURRENT_BINARY_DIR}/generated")
  file(MAKE_DIRECTORY "${generated_root}")
  set(sources "")
  set(inputs "")
  foreach(proto IN LISTS protos)
    string(REGEX REPLACE "\\.proto$" "" stem "${generated_root}/${proto}")
    list(APPEND sources "${stem}.pb.cc" "${stem}.pb.h" "${stem}.grpc.pb.cc" "${stem}.grpc.pb.h")
    list(APPEND inputs "${arg_ROOT}/${proto}")
  endforeach()

  # One run for all: they import each other, and protoc offers no dependency file for several outputs.
  add_custom_command(
    OUTPUT ${sources}
    COMMAND protobuf::protoc --proto_path "${arg_ROOT}" --cpp_out "${generated_root}"
      --grpc_out "${generated_root}" --plugin=protoc-gen-grpc=$<TARGET_FILE:gRPC::grpc_cpp_plugin> ${protos}
    DEPENDS ${inputs}
    COMMENT "Generating protobuf and gRPC code"
    VERBATIM)

  add_library(${name} STATIC ${sources})
  target_compile_options(${name} PRIVATE -w)
  target_include_directories(${name} SYSTEM PUBLIC "${generated_root}")
  target_link_libraries(${name} PUBLIC protobuf::libprotobuf gRPC::grpc++ gRPC::grpc++_reflection)
endfunction()
