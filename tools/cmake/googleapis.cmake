# google/api and google/rpc protos (annotations, HttpBody, error details), from the PyPI package that carries them. Kept in
# build/googleapis, so that all presets share them.
set(PLAYMESH_GOOGLEAPIS_VERSION 1.76.0)
set(PLAYMESH_GOOGLEAPIS_DIR ${CMAKE_SOURCE_DIR}/build/googleapis)

if(NOT EXISTS ${PLAYMESH_GOOGLEAPIS_DIR}/google/api/annotations.proto)
  set(download ${CMAKE_BINARY_DIR}/googleapis-download)
  execute_process(
    COMMAND python3 -m pip download --quiet --no-deps --disable-pip-version-check
            googleapis-common-protos==${PLAYMESH_GOOGLEAPIS_VERSION} --dest ${download}
    COMMAND_ERROR_IS_FATAL ANY)
  file(GLOB wheel ${download}/*.whl)
  file(ARCHIVE_EXTRACT INPUT ${wheel} DESTINATION ${PLAYMESH_GOOGLEAPIS_DIR})
endif()
