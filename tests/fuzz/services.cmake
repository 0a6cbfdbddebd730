# Parsers of the services. They need no libh2o, so that this build works without the servers.
hr_add_fuzzer(response_fuzzer
  SOURCES response_fuzzer.c ${PROJECT_SOURCE_DIR}/services/common/upstream_parser.c
  INCLUDES ${PROJECT_SOURCE_DIR}/services/common ${PROJECT_SOURCE_DIR}/libheaderroute/include ${PROJECT_BINARY_DIR}/include)
find_package(OpenSSL REQUIRED)
pkg_check_modules(YAJL REQUIRED IMPORTED_TARGET yajl)
hr_add_fuzzer(json_fuzzer
  SOURCES json_fuzzer.c ${PROJECT_SOURCE_DIR}/services/common/json_in.c ${PROJECT_SOURCE_DIR}/services/common/json_parse.c ${PROJECT_SOURCE_DIR}/services/common/base64.c
  INCLUDES ${PROJECT_SOURCE_DIR}/services/common LIBS PkgConfig::YAJL OpenSSL::Crypto)
hr_add_fuzzer(infer_fuzzer
  SOURCES infer_fuzzer.c ${PROJECT_SOURCE_DIR}/services/predict/infer_read.c ${PROJECT_SOURCE_DIR}/services/predict/infer_write.c
    ${PROJECT_SOURCE_DIR}/services/common/base64.c ${PROJECT_SOURCE_DIR}/services/common/json_out.c ${PROJECT_SOURCE_DIR}/services/common/json_parse.c
  INCLUDES ${PROJECT_SOURCE_DIR}/services/common ${PROJECT_SOURCE_DIR}/services/predict ${PROJECT_SOURCE_DIR}/libgrabcut/include
    ${PROJECT_BINARY_DIR}/include
  LIBS PkgConfig::YAJL OpenSSL::Crypto)
