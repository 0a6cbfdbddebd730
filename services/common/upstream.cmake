# The upstream HTTP/1.1 client: strict response parser, timers, name lookup, connections.
add_library(hr-upstream STATIC
  ${CMAKE_CURRENT_LIST_DIR}/timers.c
  ${CMAKE_CURRENT_LIST_DIR}/upstream.c
  ${CMAKE_CURRENT_LIST_DIR}/upstream_parser.c
  ${CMAKE_CURRENT_LIST_DIR}/upstream_pool.c)
target_include_directories(hr-upstream PUBLIC ${CMAKE_CURRENT_LIST_DIR}
  ${PROJECT_SOURCE_DIR}/libheaderroute/include ${PROJECT_BINARY_DIR}/include)
# libh2o's headers want libuv unless told otherwise.
target_compile_definitions(hr-upstream PUBLIC H2O_USE_LIBUV=0 _GNU_SOURCE)
target_link_libraries(hr-upstream PRIVATE hr_build_flags
  PUBLIC PkgConfig::H2O OpenSSL::SSL OpenSSL::Crypto Threads::Threads)
