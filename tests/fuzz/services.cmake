# Parsers of the services. They need no libh2o, so that this build works without the servers.
pkg_check_modules(H2O IMPORTED_TARGET libh2o-evloop) # exports picohttpparser, to compare with
set(http ${PROJECT_SOURCE_DIR}/services/http)
set(http1_sources ${http}/body.c ${http}/chars.c ${http}/fields.c ${http}/request.c ${http}/response.c ${http}/scan.c
  ${http}/target.c ${http}/write.c)
if(H2O_FOUND)
  list(APPEND http1_sources http1_reference.c)
else()
  list(APPEND http1_sources http1_no_reference.c)
endif()
foreach(message request response chunked)
  hr_add_fuzzer(${message}_fuzzer SOURCES ${message}_fuzzer.c ${http1_sources}
    INCLUDES ${http} ${PROJECT_SOURCE_DIR}/libheaderroute/include ${PROJECT_BINARY_DIR}/include
    LIBS $<TARGET_NAME_IF_EXISTS:PkgConfig::H2O>)
endforeach()
pkg_check_modules(NGHTTP2 REQUIRED IMPORTED_TARGET libnghttp2)
hr_add_fuzzer(http2_fuzzer SOURCES http2_fuzzer.c ${http}/http2.c ${http}/http2_head.c ${http}/http2_output.c ${http}/http2_stream.c ${http1_sources}
  INCLUDES ${http} ${PROJECT_SOURCE_DIR}/libheaderroute/include ${PROJECT_BINARY_DIR}/include
  LIBS PkgConfig::NGHTTP2 $<TARGET_NAME_IF_EXISTS:PkgConfig::H2O>)
hr_add_fuzzer(grpc_fuzzer SOURCES grpc_fuzzer.c ${http}/grpc.c ${http}/grpc_frame.c
  INCLUDES ${http} ${PROJECT_SOURCE_DIR}/libheaderroute/include ${PROJECT_BINARY_DIR}/include)
find_package(OpenSSL REQUIRED)
pkg_check_modules(YAJL REQUIRED IMPORTED_TARGET yajl)
set(predict ${PROJECT_SOURCE_DIR}/services/predict)
set(predict_includes ${predict} ${http} ${PROJECT_SOURCE_DIR}/services/base ${PROJECT_SOURCE_DIR}/services/server
  ${PROJECT_SOURCE_DIR}/services/jobs ${PROJECT_SOURCE_DIR}/services/net ${PROJECT_SOURCE_DIR}/libheaderroute/include ${PROJECT_SOURCE_DIR}/libgrabcut/include
  ${PROJECT_BINARY_DIR}/include)
hr_add_fuzzer(json_fuzzer
  SOURCES json_fuzzer.c ${predict}/body.c ${predict}/models.c ${predict}/parameters.c ${predict}/strokes.c
    ${PROJECT_SOURCE_DIR}/services/base/json_parse.c ${PROJECT_SOURCE_DIR}/services/base/base64.c
  INCLUDES ${predict_includes} LIBS grabcut-static PkgConfig::YAJL OpenSSL::Crypto m)
hr_add_fuzzer(form_fuzzer SOURCES form_fuzzer.c ${predict}/form.c INCLUDES ${predict_includes})
target_compile_definitions(form_fuzzer PRIVATE _GNU_SOURCE)
hr_add_fuzzer(infer_fuzzer
  SOURCES infer_fuzzer.c ${PROJECT_SOURCE_DIR}/services/predict/infer_parts.c ${PROJECT_SOURCE_DIR}/services/predict/infer_read.c
    ${PROJECT_SOURCE_DIR}/services/predict/infer_tensors.c ${PROJECT_SOURCE_DIR}/services/predict/infer_write.c
    ${PROJECT_SOURCE_DIR}/services/base/base64.c ${PROJECT_SOURCE_DIR}/services/base/json_out.c ${PROJECT_SOURCE_DIR}/services/base/json_parse.c
  INCLUDES ${PROJECT_SOURCE_DIR}/services/base ${PROJECT_SOURCE_DIR}/services/predict ${PROJECT_SOURCE_DIR}/libgrabcut/include
    ${PROJECT_BINARY_DIR}/include
  LIBS PkgConfig::YAJL OpenSSL::Crypto)
if(NOT TARGET sv-predict-proto) # this build leaves the servers out
  add_subdirectory(${PROJECT_SOURCE_DIR}/services/predict/proto ${PROJECT_BINARY_DIR}/predict-proto)
endif()
hr_add_fuzzer(infer_message_fuzzer
  SOURCES infer_message_fuzzer.c ${PROJECT_SOURCE_DIR}/services/predict/infer_message.c ${PROJECT_SOURCE_DIR}/services/predict/infer_parts.c
    ${PROJECT_SOURCE_DIR}/services/predict/infer_tensors.c ${PROJECT_SOURCE_DIR}/services/predict/infer_write.c
    ${PROJECT_SOURCE_DIR}/services/predict/pb_memory.c ${PROJECT_SOURCE_DIR}/services/base/base64.c
    ${PROJECT_SOURCE_DIR}/services/base/json_out.c
  INCLUDES ${PROJECT_SOURCE_DIR}/services/base ${PROJECT_SOURCE_DIR}/services/predict ${PROJECT_SOURCE_DIR}/libgrabcut/include
    ${PROJECT_SOURCE_DIR}/libheaderroute/include ${PROJECT_BINARY_DIR}/include
  LIBS sv-predict-proto OpenSSL::Crypto)
hr_add_fuzzer(body_header_fuzzer
  SOURCES body_header_fuzzer.c ${PROJECT_SOURCE_DIR}/services/body/body_header.c
  INCLUDES ${PROJECT_SOURCE_DIR}/services/body ${PROJECT_SOURCE_DIR}/libheaderroute/include ${PROJECT_BINARY_DIR}/include
  LIBS PkgConfig::YAJL)
