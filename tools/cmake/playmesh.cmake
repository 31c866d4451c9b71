# The project's own kinds of target. A folder's CMakeLists.txt is one call of one of these.

# playmesh_protos(NAME [USES other...]): C++ of every proto in playmesh/NAME/v1, as target `NAME_proto`.
# Services among them get their base and client classes from protoc-gen-playmesh.
function(playmesh_protos name)
  cmake_parse_arguments(arg "" "" "USES" ${ARGN})
  set(root ${CMAKE_SOURCE_DIR}/protos)
  set(out ${CMAKE_BINARY_DIR}/protos)
  file(GLOB protos CONFIGURE_DEPENDS ${root}/playmesh/${name}/v1/*.proto)
  set(sources)
  foreach(proto ${protos})
    cmake_path(RELATIVE_PATH proto BASE_DIRECTORY ${root} OUTPUT_VARIABLE relative)
    string(REGEX REPLACE "\\.proto$" "" stem ${relative})
    set(generated ${out}/${stem}.pb.cc ${out}/${stem}.pb.h)
    set(plugin)
    if(stem MATCHES "_service$")
      list(APPEND generated ${out}/${stem}.playmesh.cc ${out}/${stem}.playmesh.h)
      set(plugin --plugin=protoc-gen-playmesh=$<TARGET_FILE:protoc-gen-playmesh> --playmesh_out=${out})
      list(APPEND plugin_dependency protoc-gen-playmesh)
    endif()
    add_custom_command(
      OUTPUT ${generated}
      COMMAND protobuf::protoc -I${root} -I${PLAYMESH_GOOGLEAPIS_DIR} --cpp_out=${out} ${plugin} ${relative}
      DEPENDS ${proto} ${plugin_dependency}
      COMMENT "protoc ${relative}")
    list(APPEND sources ${generated})
  endforeach()
  add_library(${name}_proto STATIC ${sources})
  target_include_directories(${name}_proto PUBLIC ${out})
  set_target_properties(${name}_proto PROPERTIES EXPORT_COMPILE_COMMANDS OFF)
  target_link_libraries(${name}_proto PUBLIC googleapis_proto protobuf::libprotobuf)
  foreach(use ${arg_USES})
    target_link_libraries(${name}_proto PUBLIC ${use}_proto)
  endforeach()
  if(plugin_dependency)
    target_link_libraries(${name}_proto PUBLIC common)
  endif()
endfunction()

# playmesh_test(NAME SOURCES... LIBS...): a Catch2 test binary, run by tools/test.
function(playmesh_test name)
  cmake_parse_arguments(arg "" "" "SOURCES;LIBS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE test_main common_testing ${arg_LIBS})
  add_test(NAME ${name} COMMAND ${name})
endfunction()

# add_service(NAME [PROTOS other...] [LIBS lib...]): the binary NAME of this folder, its migrations inside, and NAME_test.
# PROTOS are the other services whose contract it uses.
function(add_service name)
  cmake_parse_arguments(arg "" "" "PROTOS;LIBS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS *.cc)
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(FILTER sources EXCLUDE REGEX "(_test|/main)\\.cc$")

  file(GLOB migrations CONFIGURE_DEPENDS migrations/*.sql)
  playmesh_embed_migrations(${CMAKE_CURRENT_BINARY_DIR}/migrations.cc ServiceMigrations "${migrations}")
  add_library(${name}_service STATIC ${sources} ${CMAKE_CURRENT_BINARY_DIR}/migrations.cc)
  target_include_directories(${name}_service PUBLIC ${CMAKE_SOURCE_DIR})
  target_link_libraries(${name}_service PUBLIC ${name}_proto common ${arg_LIBS})
  foreach(proto ${arg_PROTOS})
    target_link_libraries(${name}_service PUBLIC ${proto}_proto)
  endforeach()

  add_executable(${name} main.cc)
  target_link_libraries(${name} PRIVATE ${name}_service)
  if(tests)
    playmesh_test(${name}_test SOURCES ${tests} LIBS ${name}_service)
  endif()
endfunction()

# Writes a source that defines `std::span<const db::Migration> playmesh::FUNCTION()` from .sql files named NNNN_verb.sql.
function(playmesh_embed_migrations output function migrations)
  add_custom_command(
    OUTPUT ${output}
    COMMAND python3 ${CMAKE_SOURCE_DIR}/tools/cmake/embed_migrations.py ${output} ${function} ${migrations}
    DEPENDS ${migrations} ${CMAKE_SOURCE_DIR}/tools/cmake/embed_migrations.py
    COMMENT "migrations ${output}")
endfunction()
