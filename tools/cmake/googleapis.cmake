# google/api and google/rpc protos (annotations, HttpBody, error details), which tools/setup puts there for all presets.
set(PLAYMESH_GOOGLEAPIS_DIR ${CMAKE_SOURCE_DIR}/build/googleapis)
if(NOT EXISTS ${PLAYMESH_GOOGLEAPIS_DIR}/google/api/annotations.proto)
  message(FATAL_ERROR "No google/api/annotations.proto in build/googleapis: run tools/setup.")
endif()
